"""Runs all parts of `make test`, in lanes beside each other, and ends with the time of each: python -m ci.parts

A part is a make target. Its output is printed whole when it has ended, so that two lanes are never mixed. A part that
fails ends its lane, whose later parts need it; the other lane goes on, so that one run tells what else is wrong.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ci.cluster.layout import Layout

# What both lanes need, and what says on the way how far it is.
FIRST = ("programs", "images")
# What waits for a cluster, beside what computes.
LANES = (
    ("up", "e2e", "monitoring", "bench-smoke", "drills"),
    ("check", "hub", "images-test", "nfs", "directory", "ssh", "bench-hooks-smoke"),
)
# The parts that are pytest say which of their tests took longest.
SLOWEST = "--durations=10 --durations-min=1"


@dataclass(frozen=True)
class Time:
    """How long a part took, and whether it passed."""

    part: str
    seconds: float
    passed: bool

    def __str__(self) -> str:
        return f"  {self.part:18} {clock(self.seconds)}  {'passed' if self.passed else 'failed'}"


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:3}:{int(seconds) % 60:02}"


async def make(part: str, environment: Mapping[str, str], output: Path | None = None) -> Time:
    """Runs a part; what it says goes to a file where there is one, which is printed when it has ended."""
    print(f"== {part}{f' begins; its output so far: {output}' if output else ''}", flush=True)
    begin = time.monotonic()
    with output.open("wb") if output else nullcontext() as log:
        command = ("make", "--no-print-directory", part)
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
        passed = await process.wait() == 0
    ended = Time(part, time.monotonic() - begin, passed)
    if output:
        tell(ended, output)
    return ended


def tell(ended: Time, output: Path) -> None:
    """Prints all that a part said."""
    print(f"\n== {ended.part}\n{output.read_text(errors='replace')}\n{ended}", flush=True)


async def lane(parts: Sequence[str], environment: Mapping[str, str], folder: Path) -> list[Time]:
    """Runs parts one after the other, up to the first that fails."""
    times: list[Time] = []
    for part in parts:
        times.append(await make(part, environment, folder / f"{part}.log"))
        if not times[-1].passed:
            break
    return times


async def run(first: Sequence[str], lanes: Sequence[Sequence[str]]) -> list[Time]:
    """Runs what comes first, and where it passes all lanes."""
    environment = {**os.environ, "PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} {SLOWEST}".strip()}
    times: list[Time] = []
    for part in first:
        times.append(await make(part, environment))
        if not times[-1].passed:
            return times
    with tempfile.TemporaryDirectory(prefix="coursehub-parts-") as folder:
        both = await asyncio.gather(*(lane(parts, environment, Path(folder)) for parts in lanes))
    return times + [each for found in both for each in found]


def main() -> int:
    """0 where all parts passed; a cluster that this run began ends with it."""
    was_up = Layout.from_environment().kubeconfig.exists()
    begin = time.monotonic()
    times = asyncio.run(run(FIRST, LANES))
    if not was_up and any(each.part == "up" for each in times):
        asyncio.run(make("down", os.environ))
    print("\ntime of each part:", *times, f"  {'all':18} {clock(time.monotonic() - begin)}", sep="\n")
    return int(not all(each.passed for each in times))


if __name__ == "__main__":
    sys.exit(main())
