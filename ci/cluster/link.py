"""How a node with a network of its own is joined to the machine: a namespace, a link, and the routes over it."""

from __future__ import annotations

from pathlib import Path

from ci.cluster import mounts, network
from ci.cluster.network import NODE_IP, run
from ci.cluster.nodes import Node


def ensure(node: Node) -> None:
    """Make what is missing; nothing for the node whose network is the machine's own."""
    if node.namespace is None:
        return
    if not mounts.under(node.namespace):
        node.run.mkdir(mode=0o711, parents=True, exist_ok=True)
        node.namespace.touch()
        run("unshare", f"--net={node.namespace}", "true")
    link, size = device(node), str(network.mtu())
    if not exists(node):
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(node.namespace))
    inside = f"""
link set lo up
link set eth0 up mtu {size}
address replace {node.address}/32 dev eth0
route replace {NODE_IP} dev eth0
route replace default via {NODE_IP} dev eth0
route replace unreachable {node.pods}
"""
    run("ip", "link", "set", link, "up", "mtu", size)
    run(*node.inside("ip", "-batch", "-"), text=inside)
    run(*node.inside("tee", str(network.FORWARDING)), text="1")
    run("ip", "route", "replace", node.address, "dev", link, "src", NODE_IP)
    run("ip", "route", "replace", node.pods, "via", node.address, "dev", link)


def remove(node: Node) -> None:
    """Take the link away; the namespace goes with its mount and its last process."""
    if exists(node):
        run("ip", "link", "delete", device(node))


def device(node: Node) -> str:
    """The machine's end of the link."""
    return f"veth{node.name}"


def exists(node: Node) -> bool:
    """Is the node linked to the machine?"""
    return Path("/sys/class/net", device(node)).exists()
