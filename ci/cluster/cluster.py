"""Bring the cluster up, take it down, hand it images."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ci.cluster import (
    binaries,
    cgroup,
    control,
    images,
    leftovers,
    link,
    manifests,
    network,
    node,
    nodes,
    ownership,
    packages,
    pki,
    preflight,
    processes,
)
from ci.cluster.layout import Layout
from ci.cluster.nodes import Node
from ci.cluster.problem import Problem
from ci.cluster.steps import long_run, say, step, wait_until


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
        present, wanted = nodes.present(layout), nodes.wanted(layout)
        for each in present:
            if remains := leftovers.find(each):
                with step(f"clearing up after {each.name}, which was ended from outside: {remains}"):
                    leftovers.clear(each)
        with step("keys and certificates"):
            pki.ensure(layout)
            _write_secret(layout.kubeconfig, pki.kubeconfig(layout, "admin"))
        first, *_ = wanted
        with step("network"):
            network.ensure(layout)
            for each in wanted:
                link.ensure(each)
                cgroup.ensure(each.group)
            plane = _by_name(control.programs(first))
            of_node = {each: _by_name(node.programs(each, images.reference("pause"))) for each in wanted}
            _check_ports(layout, first, [*plane.values(), *of_node[first].values()])
        with step("etcd, containerd"):
            _start([(first, plane["etcd"]), *((each, own["containerd"]) for each, own in of_node.items())])
        with step("API server"):
            _start([(first, plane["kube-apiserver"])])
        with step("controllers, scheduler, the cluster's own images"):
            _start([(first, plane["kube-controller-manager"]), (first, plane["kube-scheduler"])])
            for each in wanted:
                images.ensure_own(each)
        for each in wanted[1:]:
            with step(f"images that {first.name} has and {each.name} lacks"):
                images.share(first, each)
        for each in present:
            if each.name not in {one.name for one in wanted}:
                with step(f"{each.name}: its pods go to the other node, and it is taken away"):
                    _take_away(each)
        with step("kubelet, kube-proxy"):
            manifests.apply(layout, manifests.rights())
            _start([(each, own[name]) for each, own in of_node.items() for name in ("kubelet", "kube-proxy")])
            _start([(first, plane["forward"])])
        with step("nodes ready, NetworkPolicies enforced"):
            _make_folders(layout)
            for each in wanted:
                _wait_for(layout, f"node/{each.name}", "Ready")
            _start([(each, own["kube-router"]) for each, own in of_node.items()])
        with step("name resolution ready"):
            # Not before there are all the nodes that it is to be spread over.
            manifests.apply(layout, manifests.names(len(wanted)))
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
            # The first node's network carries the others'.
            for each in reversed(nodes.present(layout)):
                leftovers.clear(each)
            cgroup.kill()
            cgroup.remove()
        if ownership.is_ours(layout.state):
            with step(f"{layout.state}: the cluster's state with the hub's database and everyone's files"):
                leftovers.delete(layout)
    say(f"The cluster is gone. Left: the caches in {layout.cache}")


def import_archives(layout: Layout, archives: list[Path]) -> None:
    """Make the images in the archives usable for pods, on each node."""
    preflight.root(os.geteuid())
    holders = {ref: archive for archive in archives for ref in images.references(archive)}
    for each in nodes.present(layout):
        for ref, archive in holders.items():
            begin = time.monotonic()
            new = images.ensure(each, archive, ref)
            say(f"- {each.name}: {ref}: {f'imported in {time.monotonic() - begin:.1f} s' if new else 'is there'}")
        for ref in images.prune(each, holders):
            say(f"- {each.name}: {ref}: superseded, removed")


def _preflight(layout: Layout) -> None:
    """A cluster that runs has its memory and disk already."""
    running = any(processes.record(nodes.present(layout)[0], name) for name in (*control.NAMES, *node.NAMES))
    if not running:
        preflight.memory(Path("/proc/meminfo").read_text())
        preflight.disk([(layout.state, preflight.DISK)])
    if not binaries.folder(layout, binaries.KUBERNETES).is_dir():
        preflight.disk([(layout.cache, preflight.DISK_TO_BUILD), (layout.state, 0 if running else preflight.DISK)])


def _by_name(programs: Iterable[processes.Program]) -> dict[str, processes.Program]:
    return {program.name: program for program in programs}


def _check_ports(layout: Layout, first: Node, programs: Iterable[processes.Program]) -> None:
    """Of what is not running; the browser's port is the only one that may change while it runs.

    In a network of a node's own nobody else listens.
    """
    wanted = []
    for program in programs:
        record = processes.record(first, program.name)
        if record is None or (program.name == "forward" and not control.forwards(record, layout.port)):
            wanted += [(program.name, address, port) for address, port in program.ports]
    preflight.ports(wanted, layout.port)


def _start(programs: Sequence[tuple[Node, processes.Program]]) -> None:
    for each, program in programs:
        processes.ensure(each, program)
    for each, program in programs:
        processes.wait_for(each, program)


def _take_away(gone: Node) -> None:
    """What a machine's owner does: pods leave it as they would for a repair, then it is switched off and forgotten."""
    layout = gone.layout
    if processes.record(gone, "kubelet"):
        drain(gone)
    leftovers.remove(gone)
    manifests.kubectl(layout, "delete", "node", gone.name, "--ignore-not-found")
    # Those of a node that did not answer: by now they have ended for certain.
    manifests.kubectl(layout, "delete", "pods", *_on(gone), "--force", "--grace-period=0")


def drain(gone: Node, every: float = 10) -> None:
    """The node is without pods, or 90 s have passed; `every` so many seconds it is said which ones are still there."""
    leave = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--disable-eviction", "--timeout=90s")
    names = "--output=jsonpath={range .items[*]}{.metadata.name} {end}"

    def left(_: str) -> str:
        pods = manifests.kubectl(gone.layout, "get", "pods", *_on(gone), names).stdout.split()
        return f"waiting, 90 s at most, for the end of {', '.join(pods) or 'the last pod'}"

    command = manifests.command(gone.layout, "drain", gone.name, *leave)
    long_run(command, gone.layout.logs / "drain.log", left, every=every)


def _on(node: Node) -> tuple[str, str]:
    return "--all-namespaces", f"--field-selector=spec.nodeName={node.name}"


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
