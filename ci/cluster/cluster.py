"""Bring the cluster up, take it down, hand it images."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from ci.cluster import (
    binaries,
    cgroup,
    images,
    leftovers,
    manifests,
    network,
    node,
    ownership,
    packages,
    pki,
    preflight,
    processes,
)
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import say, step, wait_until


def up(layout: Layout) -> None:
    """Whatever is there now: a cluster that runs as this clone has it afterwards."""
    preflight.root(os.geteuid())
    begin = time.monotonic()
    with ownership.lock(layout):
        ownership.claim(layout)
        _preflight(layout)
        with step("Debian packages"):
            packages.ensure(packages.NEEDED, layout.logs / "apt.log")
        with step("programs (Kubernetes, etcd, containerd, CoreDNS, kube-router, helm)"):
            binaries.build(layout)
            binaries.link(layout)
        if remains := leftovers.find(layout):
            with step(f"clearing up after a cluster that was ended from outside: {remains}"):
                leftovers.clear(layout)
        with step("keys and certificates"):
            pki.ensure(layout)
            _write_secret(layout.kubeconfig, pki.kubeconfig(layout, "admin"))
        programs = {program.name: program for program in node.programs(layout, images.reference("pause"))}
        with step("network"):
            network.ensure(layout)
            cgroup.ensure()
            _check_ports(layout, programs.values())
        with step("etcd, containerd"):
            _start(layout, programs["etcd"], programs["containerd"])
        with step("API server"):
            _start(layout, programs["kube-apiserver"])
        with step("controllers, scheduler, the cluster's own images"):
            _start(layout, programs["kube-controller-manager"], programs["kube-scheduler"])
            images.ensure_own(layout)
        with step("kubelet, kube-proxy"):
            manifests.apply(layout)
            _start(layout, programs["kubelet"], programs["kube-proxy"], programs["forward"])
        with step("node ready, NetworkPolicies enforced"):
            _make_folders(layout)
            _wait_for(layout, "node/coursehub", "Ready")
            _start(layout, programs["kube-router"])
        with step("name resolution ready"):
            _wait_for(layout, "deployment/coredns", "Available")
            # After a takeover the objects still say what was true before it: ask the thing itself.
            if not wait_until(network.resolves_names, 60):
                raise Problem(f"the cluster's name server does not answer; see {layout.logs}")
    say(f"The cluster runs, after {time.monotonic() - begin:.0f} s.")
    say(f"  export KUBECONFIG={layout.kubeconfig} PATH={layout.bin}:$PATH")


def down(layout: Layout) -> None:
    """Nothing of it afterwards: no process, mount, bridge, nft table or state; the caches stay."""
    preflight.root(os.geteuid())
    with ownership.lock(layout):
        with step("processes, mounts, network"):
            leftovers.clear(layout)
            cgroup.remove()
        if ownership.is_ours(layout.state):
            with step(f"{layout.state}: the cluster's state with the hub's database and everyone's files"):
                leftovers.delete(layout)
    say(f"The cluster is gone. Left: the caches in {layout.cache}")


def import_archives(layout: Layout, archives: list[Path]) -> None:
    """Make the images in the archives usable for pods."""
    preflight.root(os.geteuid())
    holders = {ref: archive for archive in archives for ref in images.references(archive)}
    for ref, archive in holders.items():
        begin = time.monotonic()
        new = images.ensure(layout, archive, ref)
        say(f"- {ref}: {f'imported in {time.monotonic() - begin:.1f} s' if new else 'is there'}")
    for ref in images.prune(layout, holders):
        say(f"- {ref}: superseded, removed")


def _preflight(layout: Layout) -> None:
    """A cluster that runs has its memory and disk already."""
    running = any(processes.record(layout, name) for name in node.NAMES)
    if not running:
        preflight.memory(Path("/proc/meminfo").read_text())
        preflight.disk([(layout.state, preflight.DISK)])
    if not binaries.folder(layout, binaries.KUBERNETES).is_dir():
        preflight.disk([(layout.cache, preflight.DISK_TO_BUILD), (layout.state, 0 if running else preflight.DISK)])


def _check_ports(layout: Layout, programs: Iterable[processes.Program]) -> None:
    """Of what is not running; the browser's port is the only one that may change while it runs."""
    wanted = []
    for program in programs:
        record = processes.record(layout, program.name)
        if record is None or (program.name == "forward" and not node.forwards(record, layout.port)):
            wanted += [(program.name, address, port) for address, port in program.ports]
    preflight.ports(wanted, layout.port)


def _start(layout: Layout, *programs: processes.Program) -> None:
    for program in programs:
        processes.ensure(layout, program)
    for program in programs:
        processes.wait_for(layout, program)


def _make_folders(layout: Layout) -> None:
    layout.share.mkdir(mode=0o755, exist_ok=True)
    layout.hub_database.mkdir(mode=0o700, exist_ok=True)
    os.chown(layout.hub_database, 1000, 1000)


def _wait_for(layout: Layout, what: str, condition: str, seconds: float = 120) -> None:
    def is_so() -> bool:  # the node is not there at once, and then `kubectl wait` ends at once
        wait = ("wait", f"--for=condition={condition}", what, "--namespace=kube-system", "--timeout=10s")
        return manifests.kubectl(layout, *wait).returncode == 0

    if not wait_until(is_so, seconds):
        said = manifests.kubectl(layout, "--namespace=kube-system", "describe", what).stdout
        raise Problem(f"{what} is not {condition} after {seconds:.0f} s; see {layout.logs}\n{said}")


def _write_secret(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
