"""The control group that everything of the cluster runs in, each node in a part: whoever is in it was started by us."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from ci.cluster.problem import Problem
from ci.cluster.steps import wait_until

NAME = "coursehub"
ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """The one tree of cgroup v2, or v1's tree for each controller."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink())


def programs(group: str) -> str:
    """Where a node's programs are; the kubelet puts its pods beside it."""
    return f"{group}/node"


def ensure(group: str) -> None:
    """Make a node's group, with every controller in it."""
    names = [str(path) for path in (*reversed(PurePath(group).parents), PurePath(group)) if path.name]
    for root in hierarchies():
        for path in (root / name for name in (*names, programs(group))):
            path.mkdir(exist_ok=True)
            for values in ("cpuset.cpus", "cpuset.mems"):  # v1: empty ones let no process in
                if (path / values).exists() and not (path / values).read_text().strip():
                    (path / values).write_text((path.parent / values).read_text())
        for path in (root, *(root / name for name in names)):
            if (path / "cgroup.subtree_control").exists():
                for controller in (path / "cgroup.controllers").read_text().split():
                    (path / "cgroup.subtree_control").write_text(f"+{controller}")


def join(group: str) -> None:
    """Move this process among the programs of a node's group."""
    for root in hierarchies():
        (root / programs(group) / "cgroup.procs").write_text(str(os.getpid()))


def pids(*names: str) -> set[int]:
    """All processes in these groups; without a name, of the whole cluster."""
    found: set[int] = set()
    for group in _groups(*names):
        try:
            found |= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
        except OSError:  # the group has just gone
            continue
    return found - {0}


def used(group: str = NAME) -> float:
    """Seconds of CPU that all of a group have used since it was made; without a name, the whole cluster."""
    for root in hierarchies():
        if (file := root / group / "cpuacct.usage").exists():
            return int(file.read_text()) / 1e9
    stat = dict(line.split() for line in (ROOT / group / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1e6


def kill(*names: str) -> None:
    """End every process in the groups, as `pids` has them; those that fork meanwhile too."""
    end = time.monotonic() + 30
    while remaining := pids(*names):
        for pid in remaining:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > end:
            raise Problem(f"processes {sorted(remaining)} do not end: the machine needs a restart")
        time.sleep(0.05)


def remove(name: str = NAME) -> None:
    """Take an empty group away; the kernel lets go of it a moment after its last process."""
    if not wait_until(lambda: _try_to_remove(name), 10):
        raise Problem(f"the control group {name} cannot be removed: look for processes in {ROOT}/*/{name}")


def _try_to_remove(name: str) -> bool:
    for group in sorted(_groups(name), key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):
            group.rmdir()
    return not any(_groups(name))


def _groups(*names: str) -> Iterator[Path]:
    for root in hierarchies():
        for name in names or (NAME,):
            # Unlike rglob, it takes a group that goes meanwhile for one that is not there.
            yield from (Path(group) for group, _, _ in os.walk(root / name))
