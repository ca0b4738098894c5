"""python -m tests.bench: everything that docs/measurements.md has, in one go and of one commit, as tables in Markdown.

On the local cluster that `make up` installed, with upstream's chart. BENCH=smoke takes small numbers, which say nothing
but that the bench runs, and makes do with the stand-in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.e2e.cluster import Installation

from . import footprint, hooks, starts
from .measure import SMOKE, machine, say


def sections(installation: Installation) -> Iterator[tuple[str, str]]:
    """The page's headings, and what is below them."""
    yield "A server, from the request to ready, and memory at rest", starts.measure(installation)
    yield "The hub's own work", hooks.measure()
    yield "What hub and proxy take", footprint.measure(installation)


def main() -> int:
    """Half an hour."""
    installation = Installation.here()
    if installation.chart != "upstream" and not SMOKE:
        say("the comparison needs upstream's chart: Z2JH_CHART=PATH make up")
        return 1
    print(machine(), flush=True)
    for heading, tables in sections(installation):
        print(f"\n## {heading}\n\n{tables}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
