"""Code of a site that does to its hub what alerts are about; the hub of test_alerts imports it."""

import asyncio
import resource
import time
from pathlib import Path
from typing import Any

from coursehub.servers.plan import PodPlan
from jupyterhub.app import JupyterHub

# As much of the time as the hub can stop and still answer its probes.
STALLED = FREE = 0.6
# Above the time that conftest has for StartsSlow.
SLOW_START = 16
FULL = 0.87
# Seconds between two looks at the proxy; upstream's chart has a minute.
LOOKS = 5

_kept: list[object] = []


def begin(c: Any, limit: int) -> None:
    """Soon has the process fill most of `limit` bytes and stall."""
    c.JupyterHub.last_activity_interval = LOOKS
    _kept.append(asyncio.get_running_loop().create_task(_trouble(limit)))


def adjust(plan: PodPlan) -> PodPlan:
    """The plan itself, after a while."""
    time.sleep(SLOW_START)
    return plan


def _used() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _trouble(limit: int) -> None:
    # What it takes for its start is known by then.
    await JupyterHub.instance()._start_future
    _kept.append(b"x" * (int(FULL * limit) - _used()))
    while True:
        time.sleep(STALLED)  # noqa: ASYNC251 - that is the trouble
        await asyncio.sleep(FREE)
