"""Calls that may hang, in threads of which none keeps the process from ending, as those of a pool would."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Returned = TypeVar("Returned")


def in_thread(work: Callable[[], Returned], name: str) -> Future[Returned]:
    """What `work` returns or raises."""
    call: Future[Returned] = Future()

    def run() -> None:
        call.set_running_or_notify_cancel()
        try:
            call.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            call.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return call


class Slots:
    """Calls off the event loop, at most `slots` at a time, each in a thread called `name`.

    A call that hangs keeps its slot until it ends, also when nobody waits for it any more; its error is then dropped.
    """

    def __init__(self, slots: int, name: str) -> None:
        self._free = asyncio.Semaphore(slots)
        self._name = name

    async def run(self, work: Callable[[], Returned], seconds: float) -> Returned:
        """What `work` returns or raises; TimeoutError after `seconds`, the wait for a slot included."""
        async with asyncio.timeout(seconds):
            await self.take()
            return await asyncio.shield(self.begin(work))

    async def take(self) -> None:
        """Waits for a slot, to `begin` a call in it or to `give_back`."""
        await self._free.acquire()

    def begin(self, work: Callable[[], Returned]) -> asyncio.Future[Returned]:
        """The call, in a slot that was taken; nothing ends it, so await it in asyncio.shield."""
        call = asyncio.wrap_future(in_thread(work, self._name))
        call.add_done_callback(self._ended)
        return call

    def give_back(self) -> None:
        """A slot that was taken is free again."""
        self._free.release()

    def _ended(self, call: asyncio.Future[Returned]) -> None:
        self.give_back()
        if not call.cancelled():
            call.exception()
