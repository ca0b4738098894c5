"""What a cluster leaves on the machine besides its files: found, and taken away."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ci.cluster import cgroup, link, mounts, network, ownership, policies, processes
from ci.cluster.layout import Layout
from ci.cluster.nodes import Node
from ci.cluster.problem import Problem

# Places that the kubelet and the CNI library do not let one change.
KUBELET_SOCKETS = Path("/var/lib/kubelet/device-plugins")
KUBELET_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")


def find(node: Node) -> str:
    """What nothing looks after any more: there is neither containerd, nor a shim that a new one would find again."""
    if processes.record(node, "containerd"):
        return ""
    orphans, points = cgroup.pids(*node.groups), [point for folder in node.mounted for point in mounts.under(folder)]
    if node.run.exists() and any(_program(pid) == "containerd-shim-runc-v2" for pid in orphans):
        return ""
    if not orphans and not points and not node.run.exists():
        return ""
    return f"{len(orphans)} processes, {len(points)} mounts"


def clear(node: Node) -> None:
    """End all of the node's processes, and take away what the kernel holds for them."""
    cgroup.kill(*node.groups)
    for folder in node.mounted:
        mounts.remove(folder)
    if node.namespace is not None:
        link.remove(node)
    elif node.layout.state == network.owner() or ownership.is_ours(node.layout.state):
        # Another Kubernetes on this machine, where there is none of ours, has chains of the same names.
        network.remove(node.layout)
        policies.remove()
    _remove_tree(node.run)
    for log in KUBELET_LINKS.glob("*.log"):
        if log.is_symlink() and node.logs in log.readlink().parents:
            log.unlink()
    # By the network's name and the pod's, which has 64 digits.
    for result in CNI_RESULTS.glob(f"{node.name}-{'?' * 64}-eth0"):
        pod = result.name.removeprefix(f"{node.name}-").removesuffix("-eth0")
        (CNI_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()


def remove(node: Node) -> None:
    """The node with all its state."""
    clear(node)
    cgroup.remove(node.group)
    _remove_tree(node.folder)


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
