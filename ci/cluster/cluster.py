"""The three things to do with the cluster: bring it up, take it down, say how it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ci.cluster import binaries, cgroup, images, manifests, mounts, network, node, packages, pki, preflight, processes
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import say, step, wait_until

MARK = "this-folder-belongs-to-coursehub"
API_NAME = "kubernetes.default.svc.cluster.local"
# Written by the kubelet in places that cannot be changed.
KUBELET_SOCKETS = Path("/var/lib/kubelet/device-plugins")
KUBELET_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")


def up(layout: Layout) -> None:
    """Whatever is there now: a running cluster of this clone's making afterwards."""
    preflight.root(os.geteuid())
    begin = time.monotonic()
    with _lock(layout):
        _claim(layout)
        running = _running(layout)
        if not running:
            preflight.memory(Path("/proc/meminfo").read_text())
        to_build = [module for module in binaries.MODULES if not binaries.folder(layout, module).is_dir()]
        if not running or to_build:
            room = preflight.DISK_TO_BUILD if binaries.KUBERNETES in to_build else 0
            preflight.disk([(layout.state, preflight.DISK), (layout.cache, room)])
        with step("Debian packages"):
            packages.ensure(packages.NEEDED, layout.logs / "apt.log")
        with step("programs (Kubernetes, etcd, containerd, CoreDNS, helm)"):
            binaries.ensure(layout)
        if left_over := _left_over(layout):
            with step(f"clearing up after a cluster that was ended from outside: {left_over}"):
                _clear(layout)
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
        with step("node and name resolution ready"):
            _make_folders(layout)
            _wait_for(layout, "node/coursehub", "Ready")
            _wait_for(layout, "deployment/coredns", "Available")
            # After a takeover the objects still say what was true before it: ask the thing itself.
            if not wait_until(lambda: network.resolves(API_NAME) == network.API_SERVICE, 60):
                raise Problem(f"the cluster's name server does not answer; see {layout.logs}")
    say(
        f"The cluster runs, after {time.monotonic() - begin:.0f} s. export KUBECONFIG={layout.kubeconfig} PATH={layout.bin}:$PATH"
    )


def down(layout: Layout) -> None:
    """Nothing of it afterwards: no process, mount, bridge, nft table or state; the caches stay."""
    preflight.root(os.geteuid())
    with _lock(layout):
        with step("processes, mounts, network"):
            _clear(layout)
            cgroup.remove()
        if (layout.state / MARK).exists():
            with step(f"{layout.state}: the cluster's state with the hub's database and everyone's files"):
                _delete(layout)
    say(f"The cluster is gone. Left: the caches in {layout.cache}")


def status(layout: Layout) -> bool:
    """Say in plain words what runs; True if all does."""
    preflight.root(os.geteuid())
    if not (layout.state / MARK).exists():
        say("There is no cluster on this machine: `make up` makes one.")
        return False
    wrong = []
    for name in node.NAMES:
        record = processes.record(layout, name)
        say(f"{name:24} {f'runs, pid {record.pid}' if record else 'does NOT run'}")
        if record is None:
            wrong.append(f"{name} does not run; its log is {layout.logs / f'{name}.log'}")
    if processes.record(layout, "kube-apiserver"):
        wrong += _ask_cluster(layout)
        if network.resolves(API_NAME) != network.API_SERVICE:
            wrong.append("names are not resolved: see the pods in kube-system")
    forward = processes.record(layout, "forward")
    if forward and (port := re.search(r"TCP-LISTEN:(\d+)", forward.command[1])):
        say(f"{'browser':24} http://127.0.0.1:{port[1]}")
    for line in wrong:
        say(f"WRONG: {line}")
    say("Something is wrong: `make up` mends what it can." if wrong else "All is well.")
    return not wrong


def import_archives(layout: Layout, archives: list[Path]) -> None:
    """Make the images in the archives usable for pods."""
    preflight.root(os.geteuid())
    for archive in archives:
        for ref in images.references(archive):
            begin = time.monotonic()
            new = images.ensure(layout, archive, ref)
            say(f"- {ref}: {f'imported in {time.monotonic() - begin:.1f} s' if new else 'is there'}")


@contextlib.contextmanager
def _lock(layout: Layout) -> Iterator[None]:
    """One at a time. The parent folder is locked, as the state folder itself comes and goes."""
    layout.state.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(layout.state.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("- another run works on this cluster: waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        owner = network.owner()
        if owner and owner != layout.state and (owner / MARK).exists():
            raise Problem(f"this machine has a cluster already, with COURSEHUB_STATE={owner}: take that down first")
        yield
    finally:
        os.close(folder)


def _claim(layout: Layout) -> None:
    """Never take over, and later delete, a folder that is somebody else's."""
    layout.state.mkdir(mode=0o755, exist_ok=True)
    if not (layout.state / MARK).exists():
        if any(layout.state.iterdir()):
            raise Problem(f"{layout.state} holds other files: empty it, or choose another place with COURSEHUB_STATE")
        (layout.state / MARK).touch()


def _running(layout: Layout) -> list[str]:
    return [name for name in node.NAMES if processes.record(layout, name)]


def _left_over(layout: Layout) -> str:
    """Pods' remains that nothing looks after any more: neither containerd, nor a shim that it would find again."""
    if processes.record(layout, "containerd"):
        return ""
    orphans, points = cgroup.pids(), [point for folder in _mounted(layout) for point in mounts.under(folder)]
    if layout.run.exists() and any(_program(pid) == "containerd-shim-runc-v2" for pid in orphans):
        return ""
    if not orphans and not points and not layout.run.exists():
        return ""
    return f"{len(orphans)} processes, {len(points)} mounts"


def _mounted(layout: Layout) -> tuple[Path, ...]:
    """The folders that containerd, its shims and the kubelet mount things in."""
    return (layout.run, layout.state / "kubelet", layout.state / "containerd")


def _program(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


def _clear(layout: Layout) -> None:
    """End all processes, and take away what the kernel holds for them."""
    cgroup.kill()
    for folder in _mounted(layout):
        mounts.remove(folder)
    network.remove(layout)
    _remove_tree(layout.run)
    for link in KUBELET_LINKS.glob("*.log"):
        if link.is_symlink() and layout.state in link.readlink().parents:
            link.unlink()
    for result in CNI_RESULTS.glob("coursehub-*-eth0"):
        pod = result.name.removeprefix("coursehub-").removesuffix("-eth0")
        (CNI_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()


def _delete(layout: Layout) -> None:
    for left in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (KUBELET_SOCKETS / left).unlink(missing_ok=True)
    for folder in (KUBELET_SOCKETS, KUBELET_SOCKETS.parent, KUBELET_LINKS, CNI_RESULTS, CNI_RESULTS.parent):
        with contextlib.suppress(OSError):  # not empty: somebody else's
            folder.rmdir()
    for child in sorted(layout.state.iterdir(), key=lambda path: path.name == MARK):  # the mark last
        if child.is_dir():
            _remove_tree(child)
        else:
            child.unlink()
    with contextlib.suppress(OSError):  # a mount point of the machine's
        layout.state.rmdir()


def _remove_tree(folder: Path) -> None:
    """Never through a mount: what is mounted there is not ours."""
    if points := mounts.under(folder):
        raise Problem(f"{folder} is kept: {points[0]} is still mounted; unmount it, then run this again")
    if folder.exists():
        shutil.rmtree(folder)


def _write_secret(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


def _check_ports(layout: Layout, programs: Iterable[processes.Program]) -> None:
    wanted = []
    for program in programs:
        record = processes.record(layout, program.name)
        if record is None or (record.digest != program.digest() and program.name == "forward"):
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


def _wait_for(layout: Layout, what: str, condition: str, seconds: int = 120) -> None:
    wait = ["wait", f"--for=condition={condition}", what, "--namespace=kube-system"]

    def is_so() -> bool:
        return manifests.kubectl(layout, *wait, "--timeout=1s").returncode == 0

    if not wait_until(is_so, seconds):
        said = manifests.kubectl(layout, "--namespace=kube-system", "describe", what).stdout
        raise Problem(f"{what} is not {condition} after {seconds} s; see {layout.logs}\n{said}")


def _ask_cluster(layout: Layout) -> list[str]:
    wrong = []
    asked = manifests.kubectl(layout, "get", "nodes,pods", "--all-namespaces", "--output=json")
    if asked.returncode:
        return [f"the API server does not answer: {asked.stderr.strip()}"]
    ready = 0
    for item in json.loads(asked.stdout)["items"]:
        name = "/".join(filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"])))
        conditions = {one["type"]: one["status"] for one in item["status"].get("conditions", [])}
        if conditions.get("Ready") == "True":
            ready += item["kind"] == "Pod"
        elif item["kind"] == "Node":
            wrong.append(f"the node is not ready: {layout.logs}/kubelet.log")
        elif item["status"]["phase"] != "Succeeded":
            wrong.append(f"pod {name} is not ready ({item['status']['phase']})")
    say(f"{'pods':24} {ready} ready")
    return wrong
