"""Starts wait for their turn: in order, with their place on the page, and a hub that restarts loses nobody."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio
from coursehub.hub import hooks, start_queue
from playwright.async_api import expect

from tests.hub.blemishes import blemishes
from tests.hub.conftest import SITE, Hub, Visit, until
from tests.support import COURSES

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE = f"{SITE}servers: {{startsAtOnce: {{least: 1, most: 1}}}}\n"
INTRO = b'{"profile": "python-intro"}'


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def one_at_once(hub: Hub) -> AsyncIterator[None]:
    """One server starts at a time, and each takes until the test lets it run."""
    async with hub.values(ONE):
        hub.kubernetes.phase = "Pending"
        try:
            yield
        finally:
            hub.kubernetes.run()
            starting = [user.spawner._spawn_future for user in hub.app.users.values() if user.spawner.pending]
            await asyncio.gather(*filter(None, starting), return_exceptions=True)


async def asks(hub: Hub, name: str, body: bytes = INTRO) -> None:
    """The person's start is under way."""
    response = await hub.rest(name, "POST", f"users/{name}/server", body)
    assert response.status_code in (201, 202), response.text


async def place(hub: Hub, name: str, wanted: int) -> dict[str, Any]:
    """What the page of the start is told once the person has this place."""
    async with aclosing(hub.progress(name)) as events:
        async for event in events:
            if event.get("place") == wanted:
                return event
    raise AssertionError("the stream ended before")


def pods(hub: Hub) -> list[str]:
    """Whose pods are there."""
    return sorted(pod["metadata"]["name"].removeprefix("jupyter-") for pod in hub.kubernetes.pods.values())


async def test_who_comes_while_others_start_waits_reads_the_place_and_is_served_in_order(hub: Hub) -> None:
    for name in ("maria", "jonas", "peter"):
        await asks(hub, name)
    told = await place(hub, "peter", 2)
    assert told["message"] == "You are number 2 of 2 who wait for their turn."
    assert (await place(hub, "jonas", 1))["progress"] == 0
    assert pods(hub) == ["maria"], "somebody began before their turn"
    hub.kubernetes.run()
    assert [await hub.outcome(name) for name in ("maria", "jonas", "peter")] == ["ready"] * 3
    made = [pod["metadata"]["name"].removeprefix("jupyter-") for pod in hub.kubernetes.made]
    assert made == ["maria", "jonas", "peter"]


async def test_a_single_start_of_another_course_does_not_wait_for_the_whole_class(hub: Hub) -> None:
    for name in ("maria", "jonas", "anna", "sofia"):
        await asks(hub, name)
    await place(hub, "sofia", 3)
    await asks(hub, "peter", b'{"profile": "statistics-lab"}')
    await place(hub, "peter", 2)
    await place(hub, "sofia", 4)


async def test_many_requests_of_one_person_take_one_place(hub: Hub) -> None:
    await asks(hub, "maria")
    await asks(hub, "jonas")
    for _ in range(5):
        await hub.rest("jonas", "POST", "users/jonas/server", INTRO)
    await asks(hub, "peter")
    assert (await place(hub, "peter", 2))["message"] == "You are number 2 of 2 who wait for their turn."


async def test_whether_they_may_is_decided_again_when_the_turn_has_come(hub: Hub) -> None:
    await asks(hub, "maria")
    await asks(hub, "jonas")
    await place(hub, "jonas", 1)
    try:
        await hub.write_courses(COURSES.replace("  python-intro:\n", "  python-intro:\n    close: 2020-01-01\n", 1))
        hub.kubernetes.run()
        assert await hub.outcome("maria") == "ready"
        assert "ready" not in await hub.outcome("jonas")
        assert pods(hub) == ["maria"]
    finally:
        await hub.write_courses(COURSES)


async def test_a_start_that_waits_can_be_stopped_on_the_page_and_over_rest_and_leaves_nothing(hub: Hub) -> None:
    await asks(hub, "maria")
    jonas = await hub.login("jonas")
    await asks(hub, "jonas")
    await asks(hub, "peter")
    await place(hub, "peter", 2)
    answer = await jonas.post("courses", stop="")
    assert answer.status_code == 303
    await place(hub, "peter", 1)
    await until(lambda: not hub.app.users["jonas"].spawner.active, "the start given up")
    assert (await jonas.page("courses")).choices, "the page does not offer another start"
    await hub.stop("peter")
    hub.kubernetes.run()
    assert await hub.outcome("maria") == "ready"
    assert pods(hub) == ["maria"]
    assert await hub.start("jonas", INTRO) == "ready"


async def test_the_page_of_a_start_says_the_place_as_it_changes_and_lets_one_leave(hub: Hub, visit: Visit) -> None:
    await asks(hub, "maria")
    await asks(hub, "jonas")
    page = await visit("peter")
    await page.locator("input[name=profile][value=python-intro]").check()
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("You are number 2 of 2 who wait for their turn.")).to_be_visible()
    assert await blemishes(page) == []
    await hub.stop("jonas")
    await expect(page.get_by_text("You are number 1 of 1 who wait for their turn.")).to_be_visible()
    await page.get_by_role("button", name="Leave the queue").click()
    await page.wait_for_url("**/hub/courses")
    await expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert not hub.app.users["peter"].spawner.active
    await page.locator("input[name=profile][value=python-intro]").check()
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("You are number 1 of 1")).to_be_visible()
    hub.kubernetes.run()
    await until(lambda: hub.app.users["peter"].spawner.ready, "the server, in its turn")


async def test_a_place_is_kept_a_while_for_who_leaves_the_page_and_then_goes_to_the_next(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asks(hub, "maria")
    for name in ("jonas", "peter"):
        await asks(hub, name)
        await place(hub, name, 1 if name == "jonas" else 2)
    # Jonas has looked and gone; Peter looks on.
    monkeypatch.setattr(start_queue, "LEFT", 0.1)
    async with aclosing(hub.progress("jonas")) as events:
        await anext(events)
    await place(hub, "peter", 1)
    assert "You were away for a minute" in await hub.outcome("jonas")
    assert hub.app.users["peter"].spawner.pending == "spawn"


async def test_a_start_that_waits_for_something_else_than_the_processor_lets_others_begin(hub: Hub) -> None:
    await asks(hub, "maria")
    await asks(hub, "jonas")
    await until(lambda: pods(hub) == ["maria"], "the first pod")
    hub.kubernetes.becomes(
        "jupyter-maria",
        phase="Pending",
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}],
    )
    await until(lambda: pods(hub) == ["jonas", "maria"], "the second pod")


async def test_a_start_that_fails_gives_its_turn_to_the_next(hub: Hub) -> None:
    await asks(hub, "maria")
    await asks(hub, "jonas")
    await until(lambda: pods(hub) == ["maria"], "the first pod")
    hub.kubernetes.becomes("jupyter-maria", phase="Failed", reason="Evicted", message="no room")
    assert await hub.outcome("maria") != "ready"
    await until(lambda: pods(hub) == ["jonas"], "the second pod")


async def test_who_waits_is_kept_and_their_number_is_measured(hub: Hub) -> None:
    for name in ("maria", "jonas", "peter"):
        await asks(hub, name)

    def kept() -> list[str]:
        written = json.loads(hub.kept.read(start_queue.NAME) or b'{"starting": [], "waiting": []}')
        return [each["name"] for each in (*written["starting"], *written["waiting"])]

    await until(lambda: kept() == ["maria", "jonas", "peter"], "who has no server yet is kept")
    metrics = (await hub.rest("sofia", "GET", "../metrics")).text
    assert "coursehub_start_queue_waiting 2.0" in metrics
    assert "coursehub_start_queue_at_once 1.0" in metrics
    hub.kubernetes.run()
    await asyncio.gather(*(hub.outcome(name) for name in ("maria", "jonas", "peter")))
    await until(lambda: kept() == [], "nobody waits any more")


async def test_directories_are_asked_for_once_it_is_ones_turn_so_that_a_class_does_not_ask_in_one_moment(
    hub: Hub,
) -> None:
    async def asked() -> int:
        metrics = (await hub.rest("sofia", "GET", "../metrics")).text
        count = re.search(
            r'^coursehub_hook_seconds_count\{outcome="passed",step="directories"\} (\S+)$', metrics, re.MULTILINE
        )
        return int(float(count[1])) if count else 0

    before = await asked()
    for name in ("maria", "jonas", "peter"):
        await asks(hub, name)
    await place(hub, "peter", 2)
    await until(lambda: pods(hub) == ["maria"], "the first pod")
    assert await asked() == before + 1
    hub.kubernetes.run()
    assert [await hub.outcome(name) for name in ("maria", "jonas", "peter")] == ["ready"] * 3
    assert await asked() == before + 3


async def test_while_directories_are_long_in_coming_others_have_their_turn(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SLOW", 0.1)
    asking, over = 0, asyncio.Event()

    async def hangs(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asking
        asking += 1
        await over.wait()
        writer.close()

    async with await asyncio.start_server(hangs, "127.0.0.1", 0) as service:
        port = service.sockets[0].getsockname()[1]
        async with hub.values(re.sub(r"127\.0\.0\.1:\d+', timeout: \d+", f"127.0.0.1:{port}', timeout: 60", ONE)):
            for name in ("maria", "jonas"):
                await asks(hub, name)
            await until(lambda: asking == 2, "both ask")
            over.set()
            assert "ready" not in [await hub.outcome(name) for name in ("maria", "jonas")]
