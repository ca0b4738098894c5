"""A start where placeholders of a class fill the node, beside one where the node is free."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tests.e2e import crowded
from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from .measure import many, say
from .starts import Side, coursehub

TURNS = many(3, smoke=1)
STARTS = many(5, smoke=1)


@dataclass
class Node:
    """A node that is filled or not, and seconds of starts there, by who starts."""

    name: str
    held: bool
    seconds: dict[str, list[float]] = field(default_factory=dict)


def measure(installation: Installation) -> str:
    """The table; five minutes."""
    nodes = (Node("free", held=False), Node("full of placeholders", held=True))
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "courses.yaml"
        stack.callback(installation.helm, COURSES)
        starts = dict(_starts(installation))
        for turn in range(TURNS):
            for node in nodes:
                say(f"turn {turn + 1} of {TURNS}: the node is {node.name}")
                crowded.install(installation, file, held=node.held)
                for name, (side, person) in starts.items():
                    for _ in range(STARTS):
                        until(partial(_is_so, installation, held=node.held), 120, "the node as it is to be", 0.5)
                        took = side.start(person)
                        person.stop()
                        node.seconds.setdefault(name, []).append(took)
                        say(f"  {name}: {took:.2f} s")
    rows = ["| who starts | node | median (s) | last (s) | median to free |", "|---|---|---|---|---|"]
    for name in starts:
        free = statistics.median(nodes[0].seconds[name])
        for node in nodes:
            median, last = statistics.median(node.seconds[name]), max(node.seconds[name])
            rows.append(f"| {name} | {node.name} | {median:.2f} | {last:.2f} | {median / free:.2f} |")
    return "\n".join(rows)


def _starts(installation: Installation) -> Iterator[tuple[str, tuple[Side, Person]]]:
    for who, name, profile in (
        ("a student of the class", "maria", crowded.COURSE),
        ("one of another course", "jonas", "python-intro"),
    ):
        side = replace(coursehub(installation, who), options={"profile": profile})
        person = side.log_in(name)
        person.stop()
        yield who, (side, person)


def _is_so(installation: Installation, *, held: bool) -> bool:
    """Every place is taken, and somebody waits for one more; or nobody keeps one."""
    phases = crowded.placeholders(installation)
    return {"Running", "Pending"} <= set(phases) if held else phases == []
