"""What hangs keeps neither its caller nor the end of the process."""

import asyncio
import gc
import subprocess
import sys
from functools import partial
from threading import Event

import pytest
from coursehub.threads import Slots, in_thread

PATIENT = 30.0


def test_what_the_work_returns_or_raises_is_the_answer() -> None:
    assert in_thread(lambda: 5, "test").result(10) == 5
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 / 0, "test").result(10)


def test_a_process_ends_while_a_call_still_hangs() -> None:
    code = (
        "import time; from coursehub.threads import in_thread; in_thread(lambda: time.sleep(600), 'x'); print('ended')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "ended\n"


async def test_a_call_off_the_loop_returns_or_raises() -> None:
    slots = Slots(1, "test")
    assert await slots.run(lambda: 5, PATIENT) == 5
    with pytest.raises(ZeroDivisionError):
        await slots.run(lambda: 1 / 0, PATIENT)
    assert await slots.run(lambda: 6, PATIENT) == 6, "its slot is free again"


async def test_what_hangs_is_told_in_time_and_keeps_its_slot_until_it_ends() -> None:
    slots, go, begun = Slots(2, "test"), Event(), []

    def hang(number: int) -> None:
        begun.append(number)
        go.wait()

    for number in range(5):
        with pytest.raises(TimeoutError):
            await slots.run(partial(hang, number), 0.05)
    assert begun == [0, 1]
    go.set()
    assert await slots.run(lambda: 5, PATIENT) == 5
    assert begun == [0, 1], "who gave up while waiting for a slot needs nothing any more"


async def test_what_a_call_raises_when_nobody_waits_any_more_is_lost() -> None:
    slots, go, lost = Slots(1, "test"), Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))

    def fail() -> None:
        go.wait()
        raise OSError("gone")

    with pytest.raises(TimeoutError):
        await slots.run(fail, 0.05)
    go.set()
    await slots.run(lambda: None, PATIENT)
    gc.collect()
    await asyncio.sleep(0)
    assert lost == []
