"""Processes beside this one, which end with it: forked, they have what it has imported, and are as closed to others.

A regular expression holds all threads of its process as long as it takes, which with some texts is for ever. So what
somebody's file can make long is done beside a server's loop.
"""

import asyncio
import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1
_fork = get_context("fork")


class Child:
    """A process that does `work(said, …)`; it gets the signal `end` where this one ends before."""

    def __init__(self, end: signal.Signals, work: Callable[..., None], *arguments: Any) -> None:
        self.heard, said = _fork.Pipe(duplex=False)
        self.process = _fork.Process(target=_begin, args=(os.getpid(), end, work, said, *arguments), daemon=True)
        self.process.start()
        said.close()

    def hear(self) -> Any:
        """What it says next; RuntimeError, a sentence, where it ended first: there was no memory for it, as a rule."""
        try:
            return self.heard.recv()
        except EOFError:
            self.process.join()
            raise RuntimeError(f"its process was ended ({self.process.exitcode}); do it again") from None

    def close(self) -> None:
        """Waits for its end."""
        self.heard.close()
        self.process.join()


async def beside(work: Callable[..., Result], *arguments: Any) -> Result:
    """What a process of its own makes of it; RuntimeError, with its traceback, where it failed."""
    child = Child(signal.SIGKILL, _answer, work, *arguments)
    try:
        result, failed = await asyncio.to_thread(child.hear)
    finally:
        child.process.kill()
        await asyncio.to_thread(child.close)
    if failed:
        raise RuntimeError(failed)
    return result


def _begin(parent: int, end: signal.Signals, work: Callable[..., None], said: Connection, *arguments: Any) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, end, 0, 0, 0)
    # A server's loop would take this process's signals for its own.
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    if os.getppid() == parent:
        work(said, *arguments)


def _answer(said: Connection, work: Callable[..., Any], *arguments: Any) -> None:
    try:
        said.send((work(*arguments), ""))
    except Exception:  # noqa: BLE001  (whatever it was, the server says it)
        said.send((None, traceback.format_exc()))
