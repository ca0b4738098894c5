"""What a node is: its name and addresses, where its programs keep their state, and how they come into its network."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from ci.cluster import cgroup, network
from ci.cluster.layout import MOST_NODES, Layout

NUMBERS = range(1, MOST_NODES + 1)
NSENTER = "/usr/bin/nsenter"


@dataclass(frozen=True)
class Node:
    """One node; the first one's network is the machine's own, and it has the control plane too.

    `pods` is the range of its pods' addresses, `group` the control group of all that it runs. The machine is divided
    evenly into `parts` nodes.
    """

    layout: Layout
    name: str
    address: str
    pods: str
    folder: Path
    group: str
    namespace: Path | None
    parts: int

    @property
    def run(self) -> Path:
        """Sockets and process records: means nothing once the processes are gone."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """One log for each program, and the pods' logs."""
        return self.folder / "logs"

    @property
    def config(self) -> Path:
        """What the programs read; written anew by each `up`."""
        return self.folder / "config"

    @property
    def containerd_socket(self) -> Path:
        """Where its containerd answers."""
        return self.run / "containerd.sock"

    @property
    def mounted(self) -> tuple[Path, ...]:
        """The folders that containerd, its shims and the kubelet mount things in."""
        return (self.run, self.folder / "kubelet", self.folder / "containerd")

    @property
    def groups(self) -> tuple[str, ...]:
        """The control groups of its programs and of its pods."""
        return (cgroup.programs(self.group), f"{self.group}/kubepods")

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command in the node's network."""
        return command if self.namespace is None else (NSENTER, f"--net={self.namespace}", *command)


def name(number: int) -> str:
    """What Kubernetes calls the node."""
    return "coursehub" if number == 1 else f"coursehub-{number}"


def address(number: int) -> str:
    """Where the node is reached."""
    return str(ip_network(network.NODES)[number])


def pods(number: int) -> str:
    """The node's part of the pods' addresses."""
    return str(list(ip_network(network.PODS).subnets(new_prefix=19))[number - 1])


def node(layout: Layout, number: int, parts: int) -> Node:
    """The node of that number among so many."""
    folder = layout.state if number == 1 else layout.state / f"node-{number}"
    return Node(
        layout=layout,
        name=name(number),
        address=address(number),
        pods=pods(number),
        folder=folder,
        group=cgroup.NAME if number == 1 else f"{cgroup.NAME}/node-{number}",
        namespace=None if number == 1 else folder / "run" / "net",
        parts=parts,
    )


def present(layout: Layout) -> tuple[Node, ...]:
    """Those that have state on this machine; the first always."""
    numbers = [number for number in NUMBERS if number == 1 or node(layout, number, 1).folder.exists()]
    return tuple(node(layout, number, len(numbers)) for number in numbers)


def wanted(layout: Layout) -> tuple[Node, ...]:
    """Those that there shall be."""
    if layout.nodes is None:
        return present(layout)
    return tuple(node(layout, number, layout.nodes) for number in NUMBERS[: layout.nodes])
