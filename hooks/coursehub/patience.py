"""How long to wait for others: what this process itself was too busy to hear is nobody's silence.

In the first second of a class the hub's event loop answers hundreds of people one after the other. Meanwhile it reads
nothing that others sent it, and a clock alone would take them for dead.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# In how many steps a wait is counted: a connection, a request and its answer take a handful of the loop's rounds.
STEPS = 20


class Limit:
    """An end that comes after so many steps of the event loop's time; between two, any delay of its own counts once."""

    def __init__(self, timeout: asyncio.Timeout, seconds: float) -> None:
        self._timeout = timeout
        self._pause = seconds / STEPS
        self._loop = asyncio.get_running_loop()
        self._left = STEPS
        self._next = self._loop.call_later(self._pause, self._step)

    def begin_anew(self) -> None:
        """All steps are to come, where the end has not come yet."""
        if self._left:
            self._left = STEPS

    def cancel(self) -> None:
        """There is no end any more."""
        self._next.cancel()

    def _step(self) -> None:
        self._left -= 1
        if self._left:
            self._next = self._loop.call_later(self._pause, self._step)
        else:
            self._timeout.reschedule(self._loop.time())


@asynccontextmanager
async def patient(seconds: float) -> AsyncIterator[Limit]:
    """The block is a wait, which ends with TimeoutError where it lasts so long and the event loop had time for it."""
    async with asyncio.timeout(None) as timeout:
        limit = Limit(timeout, seconds)
        try:
            yield limit
        finally:
            limit.cancel()


class Patience:
    """All who wait in one line, on one event loop: as long as somebody before succeeds.

    That many ask at once is no reason to take for dead who answers them one after the other.
    """

    def __init__(self) -> None:
        self._waiting: set[Limit] = set()

    @asynccontextmanager
    async def waiting(self, seconds: float) -> AsyncIterator[None]:
        """The block is the wait; it ends with TimeoutError where nobody has `succeeded` for so many seconds."""
        async with patient(seconds) as limit:
            self._waiting.add(limit)
            try:
                yield
            finally:
                self._waiting.discard(limit)

    def succeeded(self) -> None:
        """Somebody got what they asked for, so all who wait go on to."""
        for limit in self._waiting:
            limit.begin_anew()
