"""A class that starts in one moment, with the start queue and with the same code where all may start at once."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from . import people
from .measure import many, say
from .plain import GUARANTEE
from .starts import Side

CLASSES = many((10, 20, 50), smoke=(2,))
ROUNDS = many(2, smoke=1)
EVERYBODY = {"least": 1000, "most": 1000}


def measure(installation: Installation) -> str:
    """The table; about 20 minutes."""
    names = [f"bench{number:03}" for number in range(max(CLASSES))]
    rows = ["", "| at once | | with the queue | without | ratio |", "|---|---|---|---|---|"]
    with ExitStack() as stack:
        stack.callback(installation.helm, COURSES)
        values = people.add(installation, names, {"general": {"resources": {"guarantee": GUARANTEE}}})
        for size in CLASSES:
            queued: list[float] = []
            alike: list[float] = []
            lasts: list[tuple[float, float]] = []
            for _ in range(ROUNDS):
                with_queue, without = (_class(installation, values, names[:size], each) for each in ({}, EVERYBODY))
                queued, alike = queued + with_queue, alike + without
                lasts.append((max(with_queue), max(without)))
            rows.append(_row(f"{size}", "median", statistics.median(queued), statistics.median(alike)))
            rows.append(_row("", "last", *map(statistics.median, zip(*lasts, strict=True))))
    return "\n".join(rows)


def _class(
    installation: Installation, values: Sequence[str], names: Sequence[str], bounds: dict[str, int]
) -> list[float]:
    """The seconds of each from the request to ready, with a hub that has started nothing yet."""
    words = [word for key, value in bounds.items() for word in ("--set", f"servers.startsAtOnce.{key}={value}")]
    installation.helm(COURSES, *values, *words)
    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub")
    until(lambda: installation.hub_is_ready_after(before), 120, "another hub")
    side = Side(
        "queue",
        installation.namespace,
        lambda name: Person(installation.url, name, installation.password),
        {"profile": "python-intro"},
    )
    persons = [side.log_in(name) for name in names]
    with ThreadPoolExecutor(len(persons)) as threads:
        took = list(threads.map(side.start, persons))
        list(threads.map(Person.stop, persons))
    say(f"  {len(names)} at once, {bounds or 'queue'}: median {statistics.median(took):.1f} s, last {max(took):.1f} s")
    return took


def _row(size: str, what: str, queued: float, alike: float) -> str:
    return f"| {size} | {what} | {queued:.1f} s | {alike:.1f} s | {queued / alike:.2f} |"
