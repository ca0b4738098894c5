"""A wait for others ends where they are silent, and not because this process was too busy to hear them."""

import asyncio
import time

import pytest
from coursehub.patience import Patience, patient


async def stands_still(rounds: int, seconds: float) -> None:
    """The event loop is busy with something else, so long in each of its rounds."""
    for _ in range(rounds):
        time.sleep(seconds)  # noqa: ASYNC251 - that is what it is about
        await asyncio.sleep(0)


async def test_who_is_silent_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        async with patient(0.05):
            await asyncio.Event().wait()


async def test_a_process_that_was_busy_takes_nobody_for_silent() -> None:
    async with patient(0.05):
        await stands_still(rounds=5, seconds=0.1)


async def test_one_that_is_busy_for_ever_still_gives_up() -> None:
    with pytest.raises(TimeoutError):
        async with patient(0.05):
            await stands_still(rounds=1000, seconds=0.01)


async def test_a_line_waits_as_long_as_somebody_succeeds() -> None:
    line, steps = Patience(), 8

    async def succeed() -> None:
        for _ in range(steps):
            await asyncio.sleep(0.05)
            line.succeeded()

    async with line.waiting(0.2), asyncio.TaskGroup() as others:
        others.create_task(succeed())


async def test_a_line_that_nobody_leaves_is_given_up_and_success_elsewhere_is_too_late_then() -> None:
    line = Patience()
    with pytest.raises(TimeoutError):
        async with line.waiting(0.05):
            await asyncio.Event().wait()
    line.succeeded()
