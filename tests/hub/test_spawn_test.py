"""The spawn test against a real hub: the courses that its person may start, in turn, and what came of each."""

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from coursehub import layout
from coursehub.hub.spawn_test import NAME, SpawnTestHandler, SpawnTests
from coursehub.spawntest.__main__ import Attempt, Wrong
from coursehub.spawntest.rules import Report, ServerView

from tests.hub.conftest import SERVICES, Hub, Kubernetes
from tests.hub.spawn_test import ON, UID

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = SERVICES["coursehub-spawn-test"]
ALONE = {"/home/spawntest": False, "/run/coursehub": False}
COURSE = {**ALONE, "/srv/nbgrader/exchange/python-intro": False, "/coursedata": True}


def view(mounts: dict[str, bool]) -> str:
    """What a cell prints in a server with these mounts."""
    seen = ServerView(uid=UID, gid=UID, groups=frozenset({UID}), mounts={"/": False, **mounts})
    return seen.model_dump_json()


class Proxy:
    """What browsers reach: the login page, and the server that runs, whose kernel prints what its course's does."""

    url: str

    def __init__(self, kubernetes: Kubernetes) -> None:
        self.login = 200
        self.printed = {"python-intro": view(COURSE), "statistics-lab": view(ALONE), "general": view(ALONE)}
        self.fails: str | None = None
        self.tokens: set[str] = set()
        self._kubernetes = kubernetes

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get("/hub/login", self._login)
        app.router.add_post("/user/spawntest/api/kernels", self._kernel)
        app.router.add_get("/user/spawntest/api/kernels/k/channels", self._channels)
        return app

    async def _login(self, _: web.Request) -> web.Response:
        return web.Response(status=self.login, text="the page")

    async def _kernel(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        return web.json_response({"id": "k"}, status=201)

    async def _channels(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked = (await socket.receive_json())["header"]

        async def say(kind: str, parent: Any = asked, **content: Any) -> None:
            await socket.send_json({"msg_type": kind, "parent_header": parent, "content": content})

        await say("status", {}, execution_state="idle")
        await say("status", execution_state="busy")
        if self.fails is not None:
            await say("error", evalue=self.fails, traceback=[])
        else:
            (pod,) = self._kubernetes.pods.values()
            printed = self.printed[pod["metadata"]["labels"].get("coursehub/course", "general")]
            await say("stream", name="stdout", text=printed[:10])
            await say("stream", name="stdout", text=printed[10:])
        await say("status", execution_state="idle")
        await socket.close()
        return socket


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(hub: Hub) -> AsyncIterator[Proxy]:
    made = Proxy(hub.kubernetes)
    runner = web.AppRunner(made.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def trying(hub: Hub, site: str = ON) -> AsyncIterator[SpawnTests]:
    """The hub with the spawn test on, a home for its person, and nothing tried yet."""
    home = hub.folder / "share" / layout.home(UID, "spawntest")
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, UID, -1)
    spawn_tests: SpawnTests = next(
        given["spawn_tests"] for _, kind, given in hub.app.extra_handlers if kind is SpawnTestHandler
    )
    spawn_tests._results = {}
    async with hub.values(site):
        yield spawn_tests


async def run(hub: Hub, proxy: Proxy, token: str = TOKEN) -> Report:
    headers = {"Authorization": f"token {token}"}
    async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session:
        return await Attempt(session, hub.app.hub.url, proxy.url).run()


async def call(hub: Hub, token: str, method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=hub.app.hub.url, verify=False) as client:  # noqa: S501 - there is no TLS
        # The hub takes no body with a GET.
        return await client.request(method, path, headers=headers, json=None if method == "GET" else body)


async def metrics(hub: Hub) -> dict[str, float]:
    answer = await call(hub, SERVICES["coursehub-metrics"], "GET", "metrics")
    assert answer.status_code == 200, answer.text
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_each_run_takes_the_next_course_and_prometheus_sees_what_came_of_it(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub) as spawn_tests:
        for course in ("python-intro", "statistics-lab", "general", "python-intro"):
            report = await run(hub, proxy)
            assert (report.course, report.ok, report.reason) == (course, True, None)
            assert not hub.app.users["spawntest"].spawner.active, "the server is stopped again"
        courses = [pod["metadata"]["labels"].get("coursehub/course") for pod in hub.kubernetes.made]
        assert courses == ["python-intro", "statistics-lab", None, "python-intro"]
        assert len(proxy.tokens) == 4
        for token in proxy.tokens:
            # What a server asks the hub about whoever comes.
            owner = (await call(hub, token.removeprefix("token "), "GET", "api/user")).json()
            assert owner["name"] == "spawntest"
            assert [each for each in owner["scopes"] if "servers" in each] == ["access:servers!user=spawntest"]
        numbers = await metrics(hub)
        for course in ("python-intro", "statistics-lab", "general"):
            assert numbers[f'coursehub_spawn_test_success{{course="{course}"}}'] == 1
            assert time.time() - numbers[f'coursehub_spawn_test_timestamp_seconds{{course="{course}"}}'] < 300
        assert numbers["coursehub_spawn_test_wanted"] == 1
        assert spawn_tests.latest is not None
        assert spawn_tests.latest.course == "python-intro"
    assert (await metrics(hub))["coursehub_spawn_test_wanted"] == 0
    kept = json.loads(hub.kept.read(NAME) or b"")
    assert {each["course"] for each in kept} == {"python-intro", "statistics-lab", "general"}


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (view({**COURSE, "/coursedata": False}), "The server is not what was planned: /coursedata is read and write,"),
        ('{"hello": 1}', "A cell in the server printed what it should not: '{\"hello\": 1}'"),
    ],
)
async def test_a_server_that_is_not_as_planned_is_reported_and_stopped(
    hub: Hub, proxy: Proxy, printed: str, reason: str
) -> None:
    async with trying(hub):
        well, proxy.printed["python-intro"] = proxy.printed["python-intro"], printed
        report = await run(hub, proxy)
        assert (report.course, report.ok) == ("python-intro", False)
        assert (report.reason or "").startswith(reason)
        assert (await metrics(hub))['coursehub_spawn_test_success{course="python-intro"}'] == 0
        assert not hub.app.users["spawntest"].spawner.active
        proxy.printed["python-intro"] = well
        assert [(await run(hub, proxy)).course for _ in range(2)] == ["statistics-lab", "python-intro"]
        assert (await metrics(hub))['coursehub_spawn_test_success{course="python-intro"}'] == 1


async def test_a_cell_that_fails_is_reported(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub):
        proxy.fails = "No space left on device"
        assert (await run(hub, proxy)).reason == "A cell failed in the server: No space left on device"


async def test_a_login_page_that_does_not_open_is_reported(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub):
        proxy.login = 503
        assert (await run(hub, proxy)).reason == f"GET {proxy.url}/hub/login: 503 the page"
        assert hub.kubernetes.made == []
        proxy.login = 302
        assert (await run(hub, proxy)).ok, "logins may be elsewhere"


async def test_a_start_that_is_refused_is_reported_with_the_persons_own_sentence(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub):
        home = hub.folder / "share" / layout.home(UID, "spawntest")
        home.rmdir()
        assert "Your home directory does not exist yet" in ((await run(hub, proxy)).reason or "")


async def test_what_an_earlier_run_left_running_is_stopped_first(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub):
        assert (await run(hub, proxy)).ok
        await call(hub, TOKEN, "POST", "api/users/spawntest/server", {"profile": "statistics-lab"})
        async with aiohttp.ClientSession(headers={"Authorization": f"token {TOKEN}"}) as session:
            await Attempt(session, hub.app.hub.url, proxy.url)._ready(
                f"{hub.app.hub.url}api/users/spawntest/server/progress"
            )
        report = await run(hub, proxy)
        assert (report.course, report.ok) == ("statistics-lab", True)


async def test_a_person_whom_the_directory_does_not_have_is_reported(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub, ON.replace("person: spawntest", "person: nobody-here")):
        report = await run(hub, proxy)
    assert (report.course, report.ok) == ("general", False)
    assert "is not known in the university's directory" in (report.reason or "")


async def test_the_token_opens_that_one_persons_servers_and_nothing_else(hub: Hub, proxy: Proxy) -> None:
    await hub.login("maria")
    async with trying(hub):
        assert (await run(hub, proxy)).ok
        for method, path in (
            ("POST", "api/users/maria/server"),
            ("DELETE", "api/users/maria/server"),
            ("GET", "api/users/maria"),
            ("DELETE", "api/users/spawntest"),
            ("PATCH", "api/users/spawntest"),
            ("POST", "api/users/spawntest/tokens"),
            ("POST", "api/users/someone-new"),
            ("POST", "api/groups/coursehub-spawn-test/users"),
            ("GET", "api/users"),
            ("GET", "metrics"),
        ):
            answer = await call(hub, TOKEN, method, path, {})
            assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code}"
        groups = (await hub.rest("sofia", "GET", "groups")).json()
        (group,) = (each for each in groups if each["name"] == "coursehub-spawn-test")
        assert group["users"] == ["spawntest"]


async def test_nobody_else_asks_whose_turn_it_is_or_says_what_was_found(hub: Hub, proxy: Proxy) -> None:
    report = {"course": "general", "ok": True, "seconds": 1, "reason": None}
    async with trying(hub) as spawn_tests:
        for token in (SERVICES["coursehub-metrics"], "made-up"):
            for method in ("GET", "POST"):
                answer = await call(hub, token, method, "coursehub/spawn-test", report)
                assert answer.status_code == 403
        with pytest.raises(Wrong, match="Only the service coursehub-spawn-test may ask"):
            await run(hub, proxy, SERVICES["coursehub-metrics"])
        browser = await hub.login("sofia")
        assert (await browser.get("coursehub/spawn-test")).status_code == 403
        answer = await call(hub, TOKEN, "POST", "coursehub/spawn-test", report | {"seconds": -1})
        assert answer.status_code == 400
        assert spawn_tests.latest is None
    assert (await call(hub, TOKEN, "GET", "coursehub/spawn-test")).status_code == 404, "it is off"


async def test_a_course_that_went_leaves_no_number_behind(hub: Hub, proxy: Proxy) -> None:
    async with trying(hub) as spawn_tests:
        gone = Report(course="went", ok=False, seconds=1, reason="It was.")
        await spawn_tests.record(gone)
        assert 'coursehub_spawn_test_success{course="went"}' not in await metrics(hub)
        assert (await run(hub, proxy)).course == "python-intro"
