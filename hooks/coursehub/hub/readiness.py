"""Readiness for a server by looking at what the hub has watched anyway, then asking the server itself.

KubeSpawner and JupyterHub look with growing pauses, which adds seconds to each start, and they wait for minutes for
what will never run.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from coursehub.errors import CoursehubError
from coursehub.hub.failures.diagnosis import GONE, Cause, Diagnosis, given_up

# Seconds before JupyterHub's own end of a start, which helps nobody: by then the record is written and the pod gone.
_BEFORE = 5.0
_LOOK = 0.5
_ANSWER = 2.0
# aiohttp's own bound of the whole loses whoever cancels in the same moment.
_CONNECT = aiohttp.ClientTimeout(total=None, sock_connect=1.0)


class NotReady(CoursehubError):
    """The server will not run, or did not in time; the message is a sentence for its person."""

    def __init__(self, why: Diagnosis) -> None:
        super().__init__(why.sentence)
        self.why = why


class Readiness:
    """All servers that are starting: together they are asked at most 20 times a second."""

    def __init__(self) -> None:
        self._starting = 0

    async def wait(self, spawner: Any, look: Callable[[], Diagnosis | None]) -> float:
        """The seconds from running to answering, once it answers; raises NotReady once it is clear that it will not.

        `look` finds what keeps its pod from running.
        """
        patience = _Patience(look)
        self._starting += 1
        try:
            async with asyncio.timeout_at(_end(spawner, 1)):
                while not await self._answers(spawner, patience):
                    pass
        except TimeoutError:
            raise NotReady(given_up(patience.seen)) from None
        finally:
            self._starting -= 1
        return patience.ran

    async def _answers(self, spawner: Any, patience: "_Patience") -> bool:
        address = spawner.address
        if address is None:
            # What is watched may for a moment be older than the pod: a list from another API server's memory.
            patience.check(None if spawner.pod else GONE)
            await asyncio.sleep(0.05)
            return False
        patience.runs()
        if await _answers(f"{address}api"):
            return True
        await asyncio.sleep(max(0.1, 0.05 * self._starting))
        return False


class _Patience:
    """What is seen of one start, since when, and whether that lasts too long."""

    def __init__(self, look: Callable[[], Diagnosis | None]) -> None:
        self._look = look
        self._time = asyncio.get_running_loop().time
        self._next = self._time()
        self._since = self._next
        self._runs_since: float | None = None
        self.seen: Diagnosis | None = None

    @property
    def ran(self) -> float:
        """Seconds since it was first seen to run."""
        return 0.0 if self._runs_since is None else self._time() - self._runs_since

    def runs(self) -> None:
        """It runs, and nothing keeps it from that."""
        self.seen = None
        if self._runs_since is None:
            self._runs_since = self._time()

    def check(self, known: Diagnosis | None) -> None:
        """Takes what is `known` to be wrong, or looks, if it is time to; raises NotReady once waiting is of no use."""
        now = self._time()
        if now < self._next:
            return
        self._next = now + _LOOK
        seen = known or self._look()
        if _cause(seen) != _cause(self.seen):
            self._since = now
        self.seen = seen
        if seen and seen.fatal_after is not None and now - self._since >= seen.fatal_after:
            raise NotReady(seen)


def last_moment(spawner: Any) -> float:
    """When a start has to be over that did not get as far as waiting; still before JupyterHub's own end."""
    return _end(spawner, 0.5)


def _end(spawner: Any, share: float) -> float:
    most: float = spawner.start_timeout
    began: float = spawner.began
    return began + most - share * max(0.05 * most, min(_BEFORE, most / 2))


def _cause(found: Diagnosis | None) -> Cause | None:
    return None if found is None else found.cause


async def _answers(url: str) -> bool:
    """Whether a server answers. What runs there is its person's: no redirect is followed and no body read."""
    try:
        async with (
            asyncio.timeout(_ANSWER),
            aiohttp.ClientSession(timeout=_CONNECT) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return response.status < 500
    except (OSError, aiohttp.ClientError, ValueError):
        return False
