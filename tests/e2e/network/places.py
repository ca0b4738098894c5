"""Addresses of the tests' own, in networks of this machine, and programs that run there or in a pod's network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ci.cluster import network
from tests.e2e.cluster import ROOT

from .way import Way

NAME = "coursehub-outside"
# The network outside; what is not of the cluster's network is led there by a table of its own, so this machine's
# own way to such an address stays as it is.
OUTSIDE = Path("/run/netns", NAME)
HERE = Path("/proc/self/ns/net")
# By its name the local cluster knows the link for no stranger's.
LINK = "vethoutside"
NEAR, FAR = "10.213.255.1", "10.213.255.2"
TABLE = "21300"


@contextmanager
def outside(addresses: Iterable[str], of_the_node: Iterable[str]) -> Iterator[None]:
    """A network that has `addresses`, to which pods are led instead of to the real ones; the node has the others."""
    _remove()
    try:
        _ip("netns", "add", NAME)
        _ip("link", "add", LINK, "type", "veth", "peer", "name", LINK, "netns", NAME)
        _ip("address", "add", f"{NEAR}/30", "dev", LINK)
        _ip("link", "set", LINK, "up")
        for link in ("lo", LINK):
            _ip("-netns", NAME, "link", "set", link, "up")
        _ip("-netns", NAME, "address", "add", f"{FAR}/30", "dev", LINK)
        _ip("-netns", NAME, "route", "add", "default", "via", NEAR)
        for address in addresses:
            _ip("-netns", NAME, "address", "add", f"{address}/32", "dev", "lo")
            _ip("route", "add", f"{address}/32", "via", FAR, "table", TABLE)
        for address in of_the_node:
            _ip("address", "add", f"{address}/32", "dev", LINK)
        _ip("rule", "add", "from", network.NETWORK, "lookup", TABLE, "priority", TABLE)
        yield
    finally:
        _remove()


def _remove() -> None:
    """Also what a run left that was killed."""
    for words in (
        ("rule", "delete", "priority", TABLE),
        ("route", "flush", "table", TABLE),
        ("link", "delete", LINK),
        ("netns", "delete", NAME),
    ):
        subprocess.run(["ip", *words], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def listening(where: Path, ways: Iterable[Way]) -> Iterator[None]:
    """Somebody takes connections there."""
    with subprocess.Popen(
        _program(where, "listener", list(ways)), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as listener:
        assert listener.stdin
        assert listener.stdout
        assert listener.stdout.readline(), "nobody listens"
        yield
        listener.stdin.close()


def reached(where: Path, wanted_open: Sequence[Way], wanted_closed: Sequence[Way], seconds: float) -> set[Way]:
    """The ways that are open from there."""
    wanted = {"seconds": seconds, "open": wanted_open, "closed": wanted_closed}
    done = subprocess.run(_program(where, "probe", wanted), cwd=ROOT, capture_output=True, text=True, check=True)
    return {Way(*each) for each in json.loads(done.stdout)}


def _program(where: Path, name: str, given: object) -> list[str]:
    module = f"tests.e2e.network.{name}"
    return ["nsenter", f"--net={where}", sys.executable, "-B", "-m", module, json.dumps(given)]


def of_pod(uid: str) -> Path:
    """The network of a pod that runs on this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"/pod{uid}/" in (process / "cgroup").read_text():
                return process / "ns/net"
        except OSError:  # it has just ended
            continue
    raise AssertionError(f"no process of the pod {uid} runs here")
