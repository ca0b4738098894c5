"""python -m tests.bench [SECTION …]: what docs/measurements.md has, as tables in Markdown.

On the local cluster that `make up` installed, with upstream's chart. BENCH=smoke takes small numbers, which say nothing
but that the bench runs, and makes do with the stand-in.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.e2e.cluster import Installation

from . import before_login, crowd, footprint, formgrader, grading, hooks, queue, room, server_inside, starts
from .measure import SMOKE, machine, say

# The page's headings, and what is below them.
SECTIONS: dict[str, tuple[str, Callable[[Installation], str]]] = {
    "starts": ("A server, from the request to ready, and memory at rest", starts.measure),
    "server_inside": ("A server's start, inside its image", lambda _: server_inside.measure()),
    "queue": ("A class that starts in one moment", queue.measure),
    "crowd": ("Hundreds who start in one moment", crowd.measure),
    "room": ("A start where room is kept for a class", room.measure),
    "hooks": ("The hub's own work", lambda _: hooks.measure()),
    "footprint": ("What hub and proxy take", footprint.measure),
    "formgrader": ("Formgrader's pages", formgrader.measure),
    "grading": ("A submission, autograded", grading.measure),
    "before_login": ("Before anybody has logged in", lambda _: before_login.measure()),
}


def _section(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"there is no section {name}; there are {', '.join(SECTIONS)}")
    return name


def main() -> int:
    """All sections, or those that are named; an hour."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", type=_section, help=f"{', '.join(SECTIONS)}; without any, all")
    named = parser.parse_args().sections
    installation = Installation.here()
    if installation.chart != "upstream" and not SMOKE:
        say("the comparison needs upstream's chart: Z2JH_CHART=PATH make up")
        return 1
    print(machine(), flush=True)
    for name in named or SECTIONS:
        heading, measure = SECTIONS[name]
        print(f"\n## {heading}\n\n{measure(installation)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
