"""Waiting for a server by looking at what the hub has watched anyway, then asking the server itself.

KubeSpawner and JupyterHub look with growing pauses, which adds seconds to each start, and they wait for minutes for
what will never run.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from coursehub.errors import CoursehubError
from coursehub.hub.failures.diagnosis import GONE, Reason, Trouble, given_up

# Seconds before JupyterHub's own end of a start, which helps nobody: by then the record is written and the pod gone.
_BEFORE = 5.0
_LOOK = 0.5


class Troubled(CoursehubError):
    """The server will not run, or did not in time; the message is a sentence for its person."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


class Waiting:
    """All servers that are starting: together they are asked at most 20 times a second."""

    def __init__(self) -> None:
        self._starting = 0

    async def for_answer(self, spawner: Any, look: Callable[[], Trouble | None]) -> None:
        """Returns once the server answers; raises Troubled as soon as it is clear that it will not.

        `look` says what keeps its pod from running.
        """
        patience = _Patience(look)
        self._starting += 1
        try:
            async with asyncio.timeout_at(_end(spawner)):
                while not await self._answers(spawner, patience):
                    pass
        except TimeoutError:
            raise Troubled(given_up(patience.seen)) from None
        finally:
            self._starting -= 1

    async def _answers(self, spawner: Any, patience: "_Patience") -> bool:
        pod = spawner.pod_reflector.pods.get(f"{spawner.namespace}/{spawner.pod_name}")
        if pod is None or not spawner.is_pod_running(pod):
            # What is watched may for a moment be older than the pod: a list from another API server's memory.
            patience.try_(None if pod else GONE)
            await asyncio.sleep(0.05)
            return False
        patience.seen = None
        address = pod["status"]["podIP"]
        host = f"[{address}]" if ":" in address else address
        if await _answers(f"http://{host}:{spawner.port}{spawner.server.base_url}api"):
            return True
        await asyncio.sleep(max(0.1, 0.05 * self._starting))
        return False


class _Patience:
    """What is seen of one start, since when, and whether that lasts too long."""

    def __init__(self, look: Callable[[], Trouble | None]) -> None:
        self._look = look
        self._time = asyncio.get_running_loop().time
        self._next = self._time()
        self._since = self._next
        self.seen: Trouble | None = None

    def try_(self, trouble: Trouble | None) -> None:
        """Takes `trouble` for what is wrong, or looks, if it is time to; raises Troubled once waiting is of no use."""
        now = self._time()
        if now < self._next:
            return
        self._next = now + _LOOK
        seen = trouble or self._look()
        if _reason(seen) != _reason(self.seen):
            self._since = now
        self.seen = seen
        if seen and seen.fatal_after is not None and now - self._since >= seen.fatal_after:
            raise Troubled(seen)


def _end(spawner: Any) -> float:
    most: float = spawner.start_timeout
    began: float = spawner.began
    return began + most - max(0.05 * most, min(_BEFORE, most / 2))


def _reason(trouble: Trouble | None) -> Reason | None:
    return None if trouble is None else trouble.reason


async def _answers(url: str) -> bool:
    try:
        response = await AsyncHTTPClient().fetch(url, raise_error=False, connect_timeout=1.0, request_timeout=2.0)
    except (OSError, HTTPClientError):
        return False
    return bool(response.code < 500)
