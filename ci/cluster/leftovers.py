"""What a cluster leaves on the machine besides its files: found, and taken away."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ci.cluster import cgroup, mounts, network, ownership, policies, processes
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem

# Places that the kubelet and the CNI library do not let one change.
KUBELET_SOCKETS = Path("/var/lib/kubelet/device-plugins")
KUBELET_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")


def find(layout: Layout) -> str:
    """What nothing looks after any more: there is neither containerd, nor a shim that a new one would find again."""
    if processes.record(layout, "containerd"):
        return ""
    orphans, points = cgroup.pids(), [point for folder in _mounted(layout) for point in mounts.under(folder)]
    if layout.run.exists() and any(_program(pid) == "containerd-shim-runc-v2" for pid in orphans):
        return ""
    if not orphans and not points and not layout.run.exists():
        return ""
    return f"{len(orphans)} processes, {len(points)} mounts"


def clear(layout: Layout) -> None:
    """End all processes, and take away what the kernel holds for them."""
    cgroup.kill()
    for folder in _mounted(layout):
        mounts.remove(folder)
    network.remove(layout)
    policies.remove()
    _remove_tree(layout.run)
    for link in KUBELET_LINKS.glob("*.log"):
        if link.is_symlink() and layout.state in link.readlink().parents:
            link.unlink()
    for result in CNI_RESULTS.glob("coursehub-*-eth0"):
        pod = result.name.removeprefix("coursehub-").removesuffix("-eth0")
        (CNI_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()


def delete(layout: Layout) -> None:
    """The state folder; its mark goes last, so that a run cut off here can be done again."""
    for left in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (KUBELET_SOCKETS / left).unlink(missing_ok=True)
    for folder in (KUBELET_SOCKETS, KUBELET_SOCKETS.parent, KUBELET_LINKS, CNI_RESULTS, CNI_RESULTS.parent):
        with suppress(OSError):  # not empty: somebody else's
            folder.rmdir()
    for child in sorted(layout.state.iterdir(), key=lambda path: path.name == ownership.MARK):
        if child.is_dir() and not child.is_symlink():
            _remove_tree(child)
        else:
            child.unlink()
    with suppress(OSError):  # a mount point of the machine's
        layout.state.rmdir()


def _mounted(layout: Layout) -> tuple[Path, ...]:
    """The folders that containerd, its shims and the kubelet mount things in."""
    return (layout.run, layout.state / "kubelet", layout.state / "containerd")


def _program(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


def _remove_tree(folder: Path) -> None:
    """Never through a mount: what is mounted there is not ours."""
    if points := mounts.under(folder):
        raise Problem(f"{folder} is kept: {points[0]} is still mounted; unmount it, then run this again")
    if folder.exists():
        shutil.rmtree(folder)
