"""The machine's network: a bridge without ports has the first node's address, pods come by point-to-point links."""

from __future__ import annotations

import ipaddress
import json
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ci.cluster.layout import Layout
from ci.cluster.problem import Problem

NETWORK = "10.213.0.0/16"
NODES = "10.213.0.0/24"
# The first node, with the API server.
NODE_IP = "10.213.0.1"
PODS = "10.213.64.0/18"
SERVICES = "10.213.128.0/18"
API_SERVICE = "10.213.128.1"
DNS_SERVICE = "10.213.128.10"

BRIDGE = "coursehub"
# What is sent to a node or a pod that is gone must not reach a stranger outside.
NOBODY = (("unreachable", PODS), ("unreachable", NODES))
TABLES = ("inet coursehub", "ip kube-proxy", "ip6 kube-proxy")
LINK = Path("/sys/class/net", BRIDGE)
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")

RULES = f"""
table inet coursehub
delete table inet coursehub
table inet coursehub {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {{ {NODES}, {PODS} }} ip daddr != {NETWORK} masquerade
  }}
}}
"""


def ensure(layout: Layout) -> None:
    """Make what is missing."""
    routes = _json("ip", "-json", "route", "show", "table", "all")
    if taken := overlapping(routes):
        raise Problem(f"the cluster's network {NETWORK} is in use on this machine ({taken}): take that down first")
    if not _exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "replace", f"{NODE_IP}/32", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up", "alias", str(layout.state))
    before = layout.state / "ip_forward"
    if not before.exists():
        before.write_text(FORWARDING.read_text())
    FORWARDING.write_text("1")
    for route in NOBODY:
        run("ip", "route", "replace", *route)
    run("nft", "-f", "-", text=RULES)


def mtu() -> int:
    """The size of packet that leaves this machine: a pod that sends larger ones would hang."""
    for route in _json("ip", "-json", "route", "show", "default"):
        for link in _json("ip", "-json", "link", "show", "dev", str(route["dev"])):
            return int(str(link["mtu"]))
    return 1500


def overlapping(routes: Sequence[dict[str, object]]) -> str:
    """A route of somebody else's that lies in our network."""
    ours = ipaddress.ip_network(NETWORK)
    for route in routes:
        destination, device = str(route.get("dst", "")), str(route.get("dev", ""))
        ours_already = device == BRIDGE or device.startswith("veth") or (route.get("type"), destination) in NOBODY
        if ours_already or ":" in destination or not destination[:1].isdigit():
            continue
        network = ipaddress.ip_network(destination, strict=False)
        if network.prefixlen >= 8 and network.overlaps(ours):
            return f"{destination} on {device}" if device else destination
    return ""


def resolves_names() -> bool:
    """Does a pod's question to the cluster's name server get the right answer?"""
    return resolve("kubernetes.default.svc.cluster.local") == API_SERVICE


def resolve(name: str, seconds: float = 1) -> str:
    """The address that the cluster's name server gives for the name; empty if there is none."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01"
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        try:
            client.connect((DNS_SERVICE, 53))
            client.send(question)
            answer = client.recv(512)
        except OSError:
            return ""
    # An A record's address ends the answer: nothing follows, as nothing else was asked for.
    answers = int.from_bytes(answer[6:8], "big")
    return socket.inet_ntoa(answer[-4:]) if answers else ""


def remove(layout: Layout) -> None:
    """Take away what `ensure` and the programs made; pods' links go with their namespaces."""
    if _exists():
        run("ip", "link", "delete", BRIDGE)
    for route in NOBODY:
        subprocess.run(["ip", "route", "delete", *route], capture_output=True, check=False)
    listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
    for table in TABLES:
        if f"table {table}" in listed.splitlines():
            run("nft", "delete", "table", *table.split())
    before = layout.state / "ip_forward"
    if before.exists():
        FORWARDING.write_text(before.read_text())
        before.unlink()


def owner() -> Path | None:
    """The state folder of the cluster that is on this machine."""
    if not _exists():
        return None
    return Path((LINK / "ifalias").read_text().strip())


def _exists() -> bool:
    return LINK.exists()


def _json(*command: str) -> list[dict[str, object]]:
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    parsed: list[dict[str, object]] = json.loads(output or "[]")
    return parsed


def run(*command: str, text: str | None = None) -> None:
    """A command that has to succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
