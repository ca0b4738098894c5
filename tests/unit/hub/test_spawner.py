"""What our spawner adds to KubeSpawner."""

import asyncio
from typing import Any

import pytest
from coursehub.hub.spawner import CoursehubSpawner, Preselected

from tests.support import MARIA
from tests.unit.conftest import Spawner


def test_p3_a_link_chooses_on_the_page_and_starts_nothing(spawner: Spawner) -> None:
    with pytest.raises(Preselected):
        spawner().options_from_query({"profile": ["python-intro"]})


class SlowReflector:
    """One that takes a moment to load."""

    def __init__(self, **_: Any) -> None:
        self.first_load_future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        await asyncio.sleep(0.05)
        self.first_load_future.set_result(None)


async def test_who_asks_first_for_pods_or_events_may_go_away_and_the_next_start_waits_for_nobody(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CoursehubSpawner, "reflectors", {})
    used = spawner(MARIA, "general")
    first = asyncio.create_task(used._start_reflector("events", SlowReflector))
    await asyncio.sleep(0.01)
    first.cancel()
    async with asyncio.timeout(5):
        reflector = await used._start_reflector("events", SlowReflector)
    assert reflector.first_load_future.done()
