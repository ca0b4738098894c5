"""Runs all parts of `make test`, two beside each other, and ends with the time of each: python -m ci.parts

A part is a make target. Its output is printed whole when it has ended, so that two are never mixed. One run tells all
that is wrong: what is left out where a part fails is what needs it, as what needs the cluster does.
A run that is interrupted tells what each part said so far, and leaves none of their processes.
"""

import asyncio
import io
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from ci.cluster.layout import Layout

# What all others need, and what says on the way how far it is.
FIRST = ("programs", "images")
# The cluster, and what needs it and waits for it most of its time.
CLUSTER = ("up", "e2e", "bench-smoke", "monitoring", "drills-one-node")
# What computes: begun one after the other beside the cluster's, and two at once when those have ended.
OTHERS = ("images-test", "check", "hub", "nfs", "gradebook", "directory", "ssh", "alerts")
# By `nice`, of the others: what waits takes longer.
POLITE = 10
# The parts that are pytest say which of their tests took longest.
SLOWEST = "--durations=10 --durations-min=1"
# Seconds for a part that is interrupted to clear up.
GRACE = 10


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


async def make(part: str, environment: Mapping[str, str], output: Path | None = None, polite: int = 0) -> Time:
    """Runs a part; what it says goes to a file where there is one, which is printed when it has ended."""
    print(f"== {part}{f' begins; its output so far: {output}' if output else ''}", flush=True)
    begin = time.monotonic()
    with output.open("wb") if output else nullcontext() as log:
        command = ("nice", f"--adjustment={polite}", "make", "--no-print-directory", part)
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            passed = await process.wait() == 0
        except asyncio.CancelledError:
            await end(process)
            if output:
                tell(part, output, f"  {part:18} interrupted")
            raise
    ended = Time(part, time.monotonic() - begin, passed)
    if output:
        tell(part, output, str(ended))
    return ended


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends a part and all that it runs; as at a terminal's Ctrl-C, tests clear up first."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(GRACE):
            await process.wait()
    except (ProcessLookupError, TimeoutError):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def tell(part: str, output: Path, how: str) -> None:
    """Prints all that a part said, and how it ended."""
    print(f"\n== {part}\n{output.read_text(errors='replace')}\n{how}", flush=True)


async def run(first: Sequence[str], cluster: Sequence[str], others: Sequence[str]) -> list[Time]:
    """Runs what comes first, and where it passes all the rest: of `cluster`, where its first part passes."""
    if this := asyncio.current_task():
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, this.cancel)
    environment = {**os.environ, "PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} {SLOWEST}".strip()}
    times: list[Time] = []
    for part in first:
        times.append(await make(part, environment))
        if not times[-1].passed:
            return times
    waiting = deque(others)
    with tempfile.TemporaryDirectory(prefix="coursehub-parts-") as folder:

        async def run_part(part: str, polite: int = 0) -> bool:
            times.append(await make(part, environment, Path(folder, f"{part}.log"), polite))
            return times[-1].passed

        async def run_cluster() -> None:
            up, *rest = cluster
            if await run_part(up):
                for part in rest:
                    await run_part(part)
            await run_others()

        async def run_others() -> None:
            while waiting:
                await run_part(waiting.popleft(), POLITE)

        # Unlike gather, it waits for all of them when it is cancelled.
        async with asyncio.TaskGroup() as group:
            group.create_task(run_cluster())
            group.create_task(run_others())
    order = [*first, *cluster, *others]
    return sorted(times, key=lambda each: order.index(each.part))


def main() -> int:
    """0 where all parts passed; a cluster that this run began ends with it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    was_up = Layout.from_environment().kubeconfig.exists()
    begin = time.monotonic()
    try:
        times = asyncio.run(run(FIRST, CLUSTER, OTHERS))
    except asyncio.CancelledError:
        return 1
    if not was_up and any(each.part == "up" for each in times):
        asyncio.run(make("down", os.environ))
    print("\ntime of each part:", *times, f"  {'all':18} {clock(time.monotonic() - begin)}", sep="\n")
    return int(not all(each.passed for each in times))


if __name__ == "__main__":
    sys.exit(main())
