"""Who waits to start, and in which order: by turns of courses, so that a class of two hundred holds up nobody else.

Each start gets a number when it comes: one more than the last of its group (its course and role) that still waits, but
at least the number that is served now. The lowest number goes first, of equal ones who came first. So a class stands in
a row, whoever else comes stands beside its first, and of two classes each gets every other turn. Source: start-time
fair queueing (Goyal, Vin, Cheng 1996), where each start costs the same.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, order=True)
class Waiting:
    """Somebody's start; `came` counts all that ever came."""

    number: int
    came: int
    name: str
    group: str


class Queue:
    """Those who wait, each name once."""

    def __init__(self, waiting: Iterable[Waiting] = ()) -> None:
        self._waiting = {each.name: each for each in waiting}
        self._came = max((each.came for each in self._waiting.values()), default=0)
        self._served = min((each.number for each in self._waiting.values()), default=0)
        # All places, until somebody comes or goes: each page that waits asks for one each second.
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, name: object) -> bool:
        return name in self._waiting

    @property
    def order(self) -> list[Waiting]:
        """All who wait, the next first."""
        return sorted(self._waiting.values(), key=attrgetter("number", "came"))

    def place(self, name: str) -> int | None:
        """1 of whoever is next; None of whoever does not wait."""
        if self._places is None:
            self._places = {each.name: place for place, each in enumerate(self.order, 1)}
        return self._places.get(name)

    def enter(self, name: str, group: str) -> None:
        """The name waits; one that waits already for the same keeps its place."""
        if name in self._waiting and self._waiting[name].group == group:
            return
        self.leave(name)
        self._came += 1
        last = max((each.number for each in self._waiting.values() if each.group == group), default=-1)
        self._waiting[name] = Waiting(max(self._served, last + 1), self._came, name, group)
        self._places = None

    def leave(self, name: str) -> None:
        """The name waits no more; nothing happens where it did not."""
        self._waiting.pop(name, None)
        self._places = None

    def next(self, ready: Container[str], expected: Container[str] = ()) -> Waiting | None:
        """The first of those who are ready, who then waits no more; None where nobody is, or one expected is first."""
        first = next((each for each in self.order if each.name in ready or each.name in expected), None)
        if first is None or first.name not in ready:
            return None
        self._served = max(self._served, first.number)
        self.leave(first.name)
        return first
