"""The local cluster through bad days: killed from outside, cut off while it comes up, asked for twice.

Needs root, and disturbs whatever runs on the cluster: run it alone (pytest tests/drills/test_local_cluster.py).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from ci.cluster import (
    cgroup,
    control,
    leftovers,
    manifests,
    mounts,
    network,
    node,
    nodes,
    ownership,
    policies,
    processes,
)
from ci.cluster.layout import Layout
from tests import ports
from tests.e2e.cluster import until

from .command import ROOT, run

NAMES = {*control.NAMES, *node.NAMES}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the local cluster needs root")


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A cluster that is up; one that was not before is taken down again, and must leave nothing."""
    layout = Layout.from_environment()
    was_up = ownership.is_ours(layout.state)
    assert run("up").returncode == 0
    yield layout
    if not was_up:
        done = run("down")
        assert done.returncode == 0, done.stderr
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        assert not cgroup.pids()
        assert not mounts.under(layout.state)
        assert network.owner() is None
        routes = subprocess.run(["ip", "route", "show"], capture_output=True, text=True, check=True).stdout
        assert "10.213." not in routes
        assert "coursehub" not in tables
        assert "kube-proxy" not in tables
        assert not of_the_engine()
        assert not layout.state.exists()


def of_the_engine() -> set[str]:
    """The chains and ipsets that are there of what enforces policies."""
    return {name for name in chains() if policies.CHAIN.fullmatch(name)} | set(filter(policies.SET.fullmatch, ipsets()))


def chains() -> list[str]:
    """All of iptables' table `filter`."""
    saved = asked("iptables-save", "--table=filter").splitlines()
    return [line[1:].split()[0] for line in saved if line.startswith(":")]


def ipsets() -> list[str]:
    """All ipsets."""
    return asked("ipset", "list", "-name").split()


def asked(*command: str) -> str:
    """What a program of the machine answers."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def records(layout: Layout) -> dict[str, processes.Record]:
    """The first node's programs that run."""
    first, *_ = nodes.present(layout)
    found = {name: processes.record(first, name) for name in NAMES}
    return {name: record for name, record in found.items() if record}


def is_well() -> bool:
    """Says `status` so, within a minute?"""
    end = time.monotonic() + 60
    while (well := run("status")).returncode and time.monotonic() < end:
        time.sleep(2)
    return well.returncode == 0


def test_nothing_changed_takes_under_a_minute_and_touches_no_process(layout: Layout) -> None:
    before, begin = records(layout), time.monotonic()
    assert run("up").returncode == 0
    assert time.monotonic() - begin < 60
    assert records(layout) == before
    assert set(before) == NAMES


def test_the_address_of_a_pod_that_is_gone_leads_to_nobody(layout: Layout) -> None:
    # Addresses are given out in turn, and nobody has come to the last.
    free = str(ip_network(network.PODS)[-2])
    with pytest.raises(OSError, match="No route to host"):
        socket.create_connection((free, 80), timeout=5)


def test_another_clone_takes_over_what_was_killed_with_its_mounts_left(layout: Layout, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ci" / "cluster", tmp_path / "ci" / "cluster")
    cgroup.kill()
    assert mounts.under(layout.run)
    assert leftovers.find(nodes.present(layout)[0])
    assert run("status").returncode == 1
    done = run("up", clone=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "clearing up after coursehub, which was ended from outside" in done.stdout
    assert is_well()


@pytest.mark.parametrize("seconds", [1, 3, 6])
def test_a_run_that_was_cut_off_is_gone_on_with(layout: Layout, seconds: float) -> None:
    cgroup.kill()
    with subprocess.Popen([sys.executable, "-m", "ci.cluster", "up"], cwd=ROOT, stdout=subprocess.DEVNULL) as cut_off:
        time.sleep(seconds)
        cut_off.kill()
    done = run("up")
    assert done.returncode == 0, done.stderr
    assert is_well()


@pytest.mark.parametrize("name", ["kube-scheduler", "kube-router"])
def test_one_program_that_died_is_named_and_started_again_and_the_others_stay(layout: Layout, name: str) -> None:
    before = records(layout)
    os.kill(before[name].pid, signal.SIGKILL)
    status = run("status")
    assert status.returncode == 1
    assert f"WRONG: {name} does not run" in status.stdout
    assert run("up").returncode == 0
    after = records(layout)
    assert {each for each in before if before[each] != after[each]} == {name}


# Whatever is in the namespace; the engine makes ipsets of it.
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "drill", "namespace": "default"},
    "spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
}


@pytest.fixture
def enforced(layout: Layout) -> Iterator[None]:
    """A policy that the engine has read."""
    before = set(ipsets())
    manifests.kubectl(layout, "apply", "--filename=-", text=json.dumps(POLICY)).check_returncode()
    until(lambda: set(ipsets()) - before, 10, "the policy's ipsets", every=0.2)
    yield
    manifests.kubectl(layout, "delete", "--filename=-", text=json.dumps(POLICY)).check_returncode()


@pytest.fixture
def somebodys(layout: Layout) -> Iterator[tuple[str, ...]]:
    """Rules and an ipset of somebody else, in the table that the engine writes to: as they are listed."""
    cgroup.kill()
    rules = [
        ["-N", "site"],
        ["-A", "site", "-s", "192.0.2.1/32", "-m", "comment", "--comment", "not for KUBE-ROUTER-INPUT", "-j", "DROP"],
        ["-A", "FORWARD", "-m", "set", "--match-set", "site", "src", "-j", "site"],
    ]
    asked("ipset", "create", "site", "hash:ip")
    asked("ipset", "add", "site", "192.0.2.2")
    for rule in rules:
        asked("iptables", *rule)
    yield "-A FORWARD -m set --match-set site src -j site", '--comment "not for KUBE-ROUTER-INPUT" -j DROP', "192.0.2.2"
    # The engine writes the whole table, with what it read a moment before.
    if engine := records(layout).get("kube-router"):
        processes.stop(engine)
    asked("iptables", "-D", *rules[-1][1:])
    asked("iptables", "-F", "site")
    asked("iptables", "-X", "site")
    asked("ipset", "destroy", "site")
    assert run("up").returncode == 0


@pytest.mark.usefixtures("enforced")
def test_of_what_enforces_policies_nothing_is_left_and_what_others_have_beside_it_stays(
    layout: Layout, somebodys: tuple[str, ...]
) -> None:
    def listed() -> str:
        return asked("iptables-save", "--table=filter") + asked("ipset", "list")

    assert {"KUBE-ROUTER-INPUT", "KUBE-NWPLCY-DEFAULT"} <= of_the_engine()
    assert {name.rpartition("-")[0] for name in of_the_engine()} >= {"KUBE-SRC", "KUBE-DST", "KUBE-NWPLCY"}
    # As `down` does, and a take-over.
    leftovers.clear(nodes.present(layout)[0])
    assert not of_the_engine()
    assert all(theirs in listed() for theirs in somebodys)
    assert run("up").returncode == 0
    assert is_well()
    assert "KUBE-ROUTER-INPUT" in of_the_engine()
    assert all(theirs in listed() for theirs in somebodys)


def test_a_port_in_use_is_named_and_another_can_be_chosen(layout: Layout) -> None:
    taken = str(ports.free())
    with socket.create_server(("127.0.0.1", int(taken))):
        refused = run("up", COURSEHUB_PORT=taken)
        assert refused.returncode == 1
        assert f"port {taken} on 127.0.0.1 (for forward) is in use by" in refused.stderr
    assert run("up", COURSEHUB_PORT=taken).returncode == 0
    assert run("up").returncode == 0
    assert f"http://127.0.0.1:{layout.port}" in run("status").stdout


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_second_cluster_is_refused_and_the_first_not_touched(layout: Layout, command: str) -> None:
    before = records(layout)
    refused = run(command, COURSEHUB_STATE=f"{layout.state}-2")
    assert refused.returncode == 1
    assert f"COURSEHUB_STATE={layout.state}" in refused.stderr
    assert records(layout) == before
