"""The local cluster through bad days: killed from outside, cut off while it comes up, asked for twice.

Needs root, and disturbs whatever runs on the cluster: run it alone (pytest tests/drills/test_local_cluster.py).
"""

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

from ci.cluster import cgroup, control, leftovers, mounts, network, node, nodes, ownership, processes
from ci.cluster.layout import Layout
from tests import ports

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
        assert not layout.state.exists()


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


def test_one_program_that_died_is_started_again_and_the_others_stay(layout: Layout) -> None:
    before = records(layout)
    os.kill(before["kube-scheduler"].pid, signal.SIGKILL)
    assert run("up").returncode == 0
    after = records(layout)
    assert {name for name in before if before[name] != after[name]} == {"kube-scheduler"}


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
