"""The progress page says what Kubernetes says, and in between what is waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from coursehub.hub import progress

Events = Callable[[asyncio.Event], AsyncIterator[dict[str, Any]]]


async def messages(events: Events, sentences: list[str | None]) -> list[tuple[int, str]]:
    """What the page gets where each look finds the next of `sentences`, and then the last of them."""
    left, all_said = iter(sentences), asyncio.Event()
    now = None

    def sentence() -> str | None:
        nonlocal now
        try:
            now = next(left)
        except StopIteration:
            all_said.set()
        return now

    return [
        (each["progress"], each["message"]) async for each in progress.explained(events(all_said), sentence, every=0.02)
    ]


def kubernetes(at_once: int, later: int) -> Events:
    """So many events at once, and so many after all sentences."""

    async def events(all_said: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        for number in range(at_once + later):
            if number == at_once:
                await all_said.wait()
            yield {"progress": number * 10, "message": f"event {number}"}

    return events


async def test_a_sentence_comes_between_the_events_once_and_with_their_progress() -> None:
    assert await messages(kubernetes(1, 1), [None, "No room."]) == [(0, "event 0"), (0, "No room."), (10, "event 1")]


async def test_a_sentence_that_goes_and_comes_back_is_said_again() -> None:
    said = await messages(kubernetes(0, 1), ["No room.", None, "No room.", "Pulling."])
    assert said == [(0, "No room."), (0, "No room."), (0, "Pulling."), (0, "event 0")]


async def test_the_end_of_the_events_is_the_end() -> None:
    assert await messages(kubernetes(0, 0), ["No room."]) == []


async def test_s7_of_an_event_the_page_gets_the_words_and_not_the_object() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 30, "message": "Pulling", "raw_event": {"source": {"host": "node-1"}}}

    said = [each async for each in progress.explained(events(), lambda: None, every=0.02)]
    assert said == [{"progress": 30, "message": "Pulling"}]


async def test_an_error_of_kubespawner_is_no_end() -> None:
    async def broken(_: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 1, "message": "one"}
        raise RuntimeError("reflector")

    with pytest.raises(RuntimeError, match="reflector"):
        await messages(broken, [])


async def test_who_closes_the_page_leaves_nothing_behind() -> None:
    async with aclosing(progress.explained(kubernetes(0, 1)(asyncio.Event()), lambda: "No room.", every=0.02)) as told:
        assert (await anext(told))["message"] == "No room."
        assert len(asyncio.all_tasks()) == 2
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) == 1
