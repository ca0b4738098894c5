"""Many more than a machine has room for, who all start in one moment: what the hub, the proxy and the API make of it.

Their servers are one stub's on a node that is none; everything else is real.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.e2e.cluster import COURSES, Installation
from tests.e2e.person import Person

from . import people
from .measure import Times, many, milliseconds, say
from .plain import GUARANTEE
from .queue import asked, new_hub
from .starts import coursehub, memory
from .stub_node import BOOTS, SINGLEUSER, stub_node

CROWDS = many((200, 500), smoke=(5,))
# Where all servers answer: an address that nobody has (RFC 5737), which this machine has meanwhile.
ADDRESS, PORT = "198.51.100.1", 8888
HUB = "component=hub"
# Of those who log in and stop.
_BESIDE = 16


def measure(installation: Installation) -> str:
    """The table; about a quarter of an hour."""
    names = [f"bench{number:03}" for number in range(max(CROWDS))]
    head = ("at once", "median", "last", "starts a second", "hub health p50", "p99", "worst", "hub memory before, most")
    rows = ["", f"Each server answers {BOOTS:.0f} s after its pod has a node.", ""]
    rows += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    with ExitStack() as stack:
        stack.callback(installation.helm, COURSES)
        stack.enter_context(_address())
        stack.enter_context(stub_node(installation, ADDRESS, PORT))
        general = {"general": {"resources": {"guarantee": GUARANTEE}}}
        people.add(installation, names, general | {"jupyterhub": {"singleuser": SINGLEUSER}})
        rows += [_crowd(installation, names[:size]) for size in CROWDS]
    return "\n".join(rows)


@contextmanager
def _address() -> Iterator[None]:
    words = (f"{ADDRESS}/32", "dev", "lo")
    subprocess.run(["ip", "address", "replace", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "delete", *words], check=True)


def _crowd(installation: Installation, names: Sequence[str]) -> str:
    """A row; a start that fails, or that is refused with "try again", ends the bench."""
    new_hub(installation)
    side = coursehub(installation, "crowd")
    health = Times("health")
    with ThreadPoolExecutor(_BESIDE) as some:
        persons = list(some.map(side.log_in, names))
        rested = memory(installation, HUB)
        begin = time.monotonic()
        with asked(installation.url, health), ThreadPoolExecutor(len(persons)) as threads:
            took = list(threads.map(side.start, persons))
        seconds = time.monotonic() - begin
        most = memory(installation, HUB, "VmHWM")
        list(some.map(Person.stop, persons))
    cells = (
        f"{len(names)}",
        f"{statistics.median(took):.1f} s",
        f"{max(took):.1f} s",
        f"{len(names) / seconds:.1f}",
        *map(milliseconds, (health.p50, health.p99, max(health.seconds))),
        f"{rested:.0f}, {most:.0f} MiB",
    )
    row = f"| {' | '.join(cells)} |"
    say(row)
    return row
