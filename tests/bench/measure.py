"""How long something takes and how long an event loop stands still."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

T = TypeVar("T")
# Small numbers: whether all of it runs.
SMOKE = os.environ.get("BENCH") == "smoke"


def many(usual: T, *, smoke: T) -> T:
    """How many of something, or which, are measured."""
    return smoke if SMOKE else usual


def machine() -> str:
    """What the figures were taken on, when, and of which commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    where = f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}"
    return f"{where}; {time.strftime('%F')}, commit {commit.stdout.strip() or 'unknown'}"


def say(text: str) -> None:
    """Progress goes to stderr, results to stdout."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Times:
    """Seconds that one thing took, again and again."""

    name: str
    seconds: list[float] = field(default_factory=list)

    async def of(self, work: Awaitable[T]) -> T:
        """What `work` gives; its time is noted."""
        begin = time.perf_counter()
        done = await work
        self.seconds.append(time.perf_counter() - begin)
        return done

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """What all but one in a hundred keep to."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[98]


class Heart:
    """Beats once in a millisecond on the running loop; `longest` is the most seconds between two beats since `rest`."""

    longest = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    def rest(self) -> None:
        """Forgets what was."""
        self.longest = 0.0

    async def _beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now


def resident() -> int:
    """Bytes that this process has in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def spread(seconds: Sequence[float]) -> str:
    """The median and the range."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def milliseconds(seconds: float) -> str:
    """As a table shows it."""
    return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
