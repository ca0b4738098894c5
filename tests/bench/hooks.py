"""python -m tests.bench.hooks [starts|forms|reload|check]: the hub's own work, measured without a cluster.

Prints tables in Markdown, as docs/measurements.md has them, and the machine's load before each.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import reload, spawns, university
from .measure import Times, machine, many, milliseconds, say, spread

CHECKS = many(5, smoke=1)


def main() -> int:
    """Measures everything, or the parts that are named; about five minutes."""
    print(machine())
    print(measure(*sys.argv[1:]))
    return 0


def measure(*names: str) -> str:
    """The tables of all parts, or of those that are named."""
    logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"))  # noqa: SIM115 - until the end
    parts = {"starts": _starts, "forms": _forms, "reload": _reload, "check": _check}
    tables: list[str] = []
    for name in names or parts:
        say(name)
        before = os.getloadavg()[0]
        rows = list(parts[name]())
        tables += [f"\n{name}: load {before:.2f} before, {os.getloadavg()[0]:.2f} after\n", *rows]
    return "\n".join(tables)


def _starts() -> Iterator[str]:
    with spawns.without_cluster():
        ours, *others = asyncio.run(spawns.starts())
    yield from ("| | p50 | p99 | n | ratio of coursehub's p50 |", "|---|---|---|---|---|")
    for times in (ours, *others):
        ratio = f"{ours.p50 / times.p50:.3f}"
        yield f"| {times.name} | {_percentiles(times)} | {len(times.seconds)} | {ratio} |"


def _forms() -> Iterator[str]:
    with spawns.without_cluster():
        found = asyncio.run(spawns.forms())
    yield from ("| the person's courses | p50 | p99 | stock p50 | p99 | ratio of p50 |", "|---|---|---|---|---|---|")
    for label, ours, stock in found:
        yield f"| {label} | {_percentiles(ours)} | {_percentiles(stock)} | {ours.p50 / stock.p50:.2f} |"


def _percentiles(times: Times) -> str:
    return f"{milliseconds(times.p50)} | {milliseconds(times.p99)}"


def _reload() -> Iterator[str]:
    yield "| | in use after | seen, read, taken over | longest stall of the loop | hub before, after | reader |"
    yield "|---|---|---|---|---|---|"
    for side in reload.measure():
        parts = ", ".join(f"{statistics.median(part):.2f} s" for part in (side.seen, side.read, side.taken) if part)
        stall = f"{statistics.median(side.stall) * 1000:.0f} ms, at most {max(side.stall) * 1000:.0f} ms"
        hub = ", ".join(_mebibytes(size) for size in side.resident)
        reader = _mebibytes(side.reader) if side.reader else ""
        yield f"| {side.name} | {spread(side.total)} | {parts} | {stall} | {hub} | {reader} |"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _check() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        site = top / "site.yaml"
        # So many courses lie on a volume: a release does not hold them.
        site.write_text(university.values(0) + "courses: {existingClaim: courses}\n")
        yield from ("| whole command | median (range) | n |", "|---|---|---|")
        for label, names in (("1,000 courses", 10_000), ("1,000 courses with 100,000 names", university.NAMES)):
            folder = university.written(top / label, university.courses(university.students(names=names), files=10))
            sides: dict[str, list[str | Path]] = {
                "coursehub check": [str(Path(sys.executable).parent / "coursehub"), "check", "--site", site],
                "yaml.load with CSafeLoader": _python("yaml.load(open(each), yaml.CSafeLoader)"),
                "yaml.safe_load": _python("yaml.safe_load(open(each))"),
            }
            took = {side: Times(side) for side in sides}
            for _ in range(CHECKS):
                for side, command in sides.items():
                    took[side].seconds.append(_seconds([*command, *sorted(folder.iterdir())]))
            for side, times in took.items():
                yield f"| {side}, {label} | {spread(times.seconds)} | {len(times.seconds)} |"


def _python(expression: str) -> list[str | Path]:
    return [sys.executable, "-c", f"import sys, yaml\nfor each in sys.argv[1:]: {expression}"]


def _seconds(command: Sequence[str | Path]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
