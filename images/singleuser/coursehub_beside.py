"""What somebody's file can make long: done beside the server's loop, and with so much of a processor at most.

A regular expression holds all threads of its process as long as it takes, which with some texts is for ever. So it
is a process that does it: forked, it has what its server has imported, and is as closed to others.
"""

import asyncio
import ctypes
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1
_fork = get_context("fork")


class TooLong(BaseException):
    """The time is over; no Exception, as work may go on after any of those."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TooLong, wherever the block is when it has used so much of a processor; in a main thread."""

    def end(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


async def beside(work: Callable[..., Result], *arguments: Any) -> Result:
    """What a process of its own makes of it; RuntimeError, with its traceback, where it failed."""
    heard, said = _fork.Pipe(duplex=False)
    process = _fork.Process(target=_work, args=(os.getpid(), said, work, *arguments), daemon=True)
    process.start()
    said.close()
    try:
        result, failed = await asyncio.to_thread(heard.recv)
    except EOFError:
        process.join()
        raise RuntimeError(f"its process was ended ({process.exitcode}); do it again") from None
    finally:
        process.kill()
        heard.close()
        await asyncio.to_thread(process.join)
    if failed:
        raise RuntimeError(failed)
    return result


def _work(server: int, said: Connection, work: Callable[..., Any], *arguments: Any) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The server's loop would take this process's signals for its own.
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    if os.getppid() != server:
        return
    try:
        said.send((work(*arguments), ""))
    except Exception:  # noqa: BLE001  (whatever it was, the server says it)
        said.send((None, traceback.format_exc()))
