"""A class that starts in one moment: with the start queue, with the same code where all may start, and plain z2jh.

Meanwhile somebody asks the hub ten times a second whether it is well.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from threading import Event

import httpx

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from . import people
from .measure import Times, many, milliseconds, say
from .plain import GUARANTEE, plain_z2jh
from .starts import Side, coursehub, plain, sides

CLASSES = many((20, 50), smoke=(2,))
ROUNDS = many(2, smoke=1)
EVERYBODY = {"least": 1000, "most": 1000}


@dataclass
class Way:
    """One way of serving a class; `prepare` is done before each."""

    side: Side
    url: str
    prepare: Callable[[], None] = lambda: None
    classes: list[list[float]] = field(default_factory=list)
    health: Times = field(default_factory=lambda: Times("health"))

    def serve(self, names: Sequence[str]) -> None:
        """Everybody asks at once; the seconds of each until their server is ready are kept."""
        self.prepare()
        persons = [self.side.log_in(name) for name in names]
        with asked(self.url, self.health), ThreadPoolExecutor(len(persons)) as threads:
            took = list(threads.map(self.side.start, persons))
        with ThreadPoolExecutor(len(persons)) as threads:
            list(threads.map(Person.stop, persons))
        median, last = statistics.median(took), max(took)
        say(f"  {self.side.name}, {len(names)} at once: median {median:.1f} s, last {last:.1f} s")
        self.classes.append(took)

    @property
    def median(self) -> float:
        """Of all of all classes."""
        return statistics.median(chain.from_iterable(self.classes))

    @property
    def last(self) -> float:
        """The last one's, in the median class."""
        return statistics.median(map(max, self.classes))


@contextmanager
def asked(url: str, health: Times) -> Iterator[None]:
    """Somebody asks the hub, again and again, until the block ends."""
    over = Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not over.wait(0.1):
                begin = time.perf_counter()
                client.get("/hub/health").raise_for_status()
                health.seconds.append(time.perf_counter() - begin)

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask)
        try:
            yield
        finally:
            over.set()
            asking.result()


def measure(installation: Installation) -> str:
    """The table; about half an hour."""
    names = [f"bench{number:03}" for number in range(max(CLASSES))]
    rows: list[str] = []
    with ExitStack() as stack:
        stack.callback(installation.helm, COURSES)
        values = people.add(installation, names, {"general": {"resources": {"guarantee": GUARANTEE}}})
        urls = [stack.enter_context(plain_z2jh(installation, names, words)) for words in _words(installation)]
        for size in CLASSES:
            ways = [
                _way(installation, "with the queue", partial(_replace, installation, values, {})),
                _way(installation, "without", partial(_replace, installation, values, EVERYBODY)),
                *(Way(plain(url, "plain z2jh"), url) for url in urls),
            ]
            for _ in range(ROUNDS):
                for way in ways:
                    way.serve(names[:size])
            rows += [*(_head(ways) if not rows else []), *_rows(size, ways)]
    return "\n".join(rows)


def _words(installation: Installation) -> list[list[str]]:
    """Of the plain server's command; none where plain z2jh is not measured."""
    return list(sides(installation).values())[:1]


def _way(installation: Installation, name: str, prepare: Callable[[], None]) -> Way:
    return Way(coursehub(installation, name), installation.url, prepare)


def _replace(installation: Installation, values: Sequence[str], bounds: dict[str, int]) -> None:
    """Its hub has started nothing yet, so that the queue knows of no start how long it takes."""
    words = [word for key, value in bounds.items() for word in ("--set", f"servers.startsAtOnce.{key}={value}")]
    installation.helm(COURSES, *values, *words)
    new_hub(installation)


def new_hub(installation: Installation) -> None:
    """Another one takes the place of the hub."""
    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub")
    until(lambda: installation.hub_is_ready_after(before), 120, "another hub")


def _head(ways: Sequence[Way]) -> list[str]:
    names = [way.side.name for way in ways]
    columns = ["at once", "", *names, *(f"ratio to {name}" for name in names[1:])]
    return ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def _rows(size: int, ways: Sequence[Way]) -> list[str]:
    return [
        _row(f"{size}", "median", [way.median for way in ways]),
        _row("", "last", [way.last for way in ways]),
        _row("", "hub health, p99", [way.health.p99 for way in ways], milliseconds),
    ]


def _row(size: str, what: str, found: Sequence[float], shown: Callable[[float], str] = "{:.1f} s".format) -> str:
    ours, *others = found
    cells = [size, what, *map(shown, found), *(f"{ours / other:.2f}" for other in others)]
    return f"| {' | '.join(cells)} |"
