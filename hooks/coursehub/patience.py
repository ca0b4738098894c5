"""How long to wait in a line: as long as somebody before succeeds.

That many ask at once is no reason to take for dead who answers them one after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Patience:
    """All who wait in one line, on one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Timeout, float] = {}

    @asynccontextmanager
    async def waiting(self, seconds: float) -> AsyncIterator[None]:
        """The block is the wait; it ends with TimeoutError where nobody has `succeeded` for so many seconds."""
        async with asyncio.timeout(seconds) as limit:
            self._waiting[limit] = seconds
            try:
                yield
            finally:
                del self._waiting[limit]

    def succeeded(self) -> None:
        """Somebody got what they asked for, so all who wait go on to."""
        now = asyncio.get_running_loop().time()
        for limit, seconds in self._waiting.items():
            if not limit.expired():
                limit.reschedule(now + seconds)
