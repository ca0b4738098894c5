"""The control group that everything of the cluster runs in: who is in it was started by us, and nobody else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ci.cluster.problem import Problem
from ci.cluster.steps import wait_until

NAME = "coursehub"
# The programs; the kubelet puts its pods beside it.
NODE = f"{NAME}/node"
ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """The one tree of cgroup v2, or v1's tree for each controller."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink())


def ensure() -> None:
    """Make the group, with every controller in it."""
    for root in hierarchies():
        for group in (root / NAME, root / NODE):
            group.mkdir(exist_ok=True)
            for values in ("cpuset.cpus", "cpuset.mems"):  # v1: empty ones let no process in
                if (group / values).exists() and not (group / values).read_text().strip():
                    (group / values).write_text((group.parent / values).read_text())
        for group in (root, root / NAME):
            if (group / "cgroup.subtree_control").exists():
                for controller in (group / "cgroup.controllers").read_text().split():
                    (group / "cgroup.subtree_control").write_text(f"+{controller}")


def join() -> None:
    """Move this process into the programs' group."""
    for root in hierarchies():
        (root / NODE / "cgroup.procs").write_text(str(os.getpid()))


def pids() -> set[int]:
    """All processes in the group, the pods' too."""
    found: set[int] = set()
    for group in _groups():
        try:
            found |= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
        except OSError:  # the group has just gone
            continue
    return found - {0}


def kill() -> None:
    """End every process in the group; those that fork meanwhile too."""
    end = time.monotonic() + 30
    while remaining := pids():
        for pid in remaining:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > end:
            raise Problem(f"processes {sorted(remaining)} do not end: the machine needs a restart")
        time.sleep(0.05)


def remove() -> None:
    """Take the empty group away; the kernel lets go of it a moment after its last process."""
    if not wait_until(_try_to_remove, 10):
        raise Problem(f"the control group {NAME} cannot be removed: look for processes in {ROOT}/*/{NAME}")


def _try_to_remove() -> bool:
    for group in sorted(_groups(), key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):
            group.rmdir()
    return not any(_groups())


def _groups() -> Iterator[Path]:
    for root in hierarchies():
        if (root / NAME).is_dir():
            yield root / NAME
            yield from (path for path in (root / NAME).rglob("*") if path.is_dir())
