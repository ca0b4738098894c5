"""The cluster's programs: built from pinned Go modules into the cache, once for each content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import long_run, say, tail

SOURCES = Path(__file__).parent / "go"
# Of a build whose sources do not come; what came is kept.
TRIES = 2
UNREACHABLE = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|TLS handshake|proxyconnect|module lookup disabled"
)


@dataclass(frozen=True)
class Module:
    """One Go module under go/ and the programs that it gives."""

    name: str
    target: str
    programs: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Its source."""
        return SOURCES / self.name

    def ldflags(self) -> str:
        """Small binaries; Kubernetes checks versions against each other, and only the linker can tell it its own."""
        flags = ["-s", "-w"]
        if version := re.search(r"^\tk8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)", self._go_mod(), re.MULTILINE):
            values = {"gitVersion": f"v{version[1]}", "gitMajor": version[2], "gitMinor": version[3]}
            for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
                flags += [f"-X {package}.{name}={value}" for name, value in values.items()]
        return " ".join(flags)

    def go_needed(self) -> str:
        """The oldest Go that can build it."""
        line = re.search(r"^go (\S+)$", self._go_mod(), re.MULTILINE)
        if line is None:
            raise Problem(f"{self.folder}/go.mod has no go line")
        return line[1]

    def key(self) -> str:
        """Twelve digits that change with anything that goes in."""
        digest = hashlib.sha256(f"{self.ldflags()} {self.target} {self.programs}".encode())
        for path in sorted(path for path in self.folder.rglob("*") if path.suffix in {".go", ".mod", ".sum"}):
            digest.update(f"\0{path.relative_to(self.folder)}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:12]

    def _go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()


KUBERNETES = Module(
    "kubernetes",
    "tool",
    (
        "etcd",
        "helm",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubectl",
        "kubelet",
    ),
)
CONTAINERD = Module("containerd", "tool", ("containerd", "containerd-shim-runc-v2", "ctr"))
PODS = Module("pods", "./...", ("coredns", "pause"))
POLICIES = Module("policies", "tool", ("kube-router",))
# Of the cluster.
MODULES = (KUBERNETES, CONTAINERD, PODS, POLICIES)
# Of `make check` alone.
LINTERS = Module("linters", "tool", ("actionlint", "kubeconform"))


def build(layout: Layout, modules: Sequence[Module] = MODULES) -> None:
    """Build what the cache lacks."""
    absent = [module for module in modules if not folder(layout, module).is_dir()]
    if absent:
        go = find_go(absent)
        for module in absent:
            _build(layout, module, go)


def link(layout: Layout) -> None:
    """Point the state folder's links at the programs in the cache."""
    layout.bin.mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        for program in module.programs:
            place, target = layout.bin / program, folder(layout, module) / program
            if not place.is_symlink() or place.readlink() != target:
                new = layout.bin / f".{program}"
                new.unlink(missing_ok=True)
                new.symlink_to(target)
                new.replace(place)


def folder(layout: Layout, module: Module) -> Path:
    """Where the cache keeps the module's programs."""
    return layout.cache / "bin" / f"{module.name}-{module.key()}"


def program(layout: Layout, name: str) -> str:
    """The full path of a program, with its content key: a changed program is a changed command."""
    return next(str(folder(layout, each) / name) for each in (*MODULES, LINTERS) if name in each.programs)


def find_go(modules: list[Module]) -> str:
    """The go command, if it is new enough for the modules."""
    needed = max((module.go_needed() for module in modules), key=parse_version)
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise Problem(f"no go command: install Go {needed} or newer (see go.dev/dl) to build the cluster's programs")
    # Asked where go.mod is: a Go that can fetch a newer toolchain by itself answers with that one.
    asked = subprocess.run([go, "version"], cwd=modules[0].folder, capture_output=True, text=True, check=False)
    found = asked.stdout.strip() or tail(asked.stderr)
    if parse_version(found) < parse_version(needed):
        raise Problem(f"Go {needed} or newer is needed, {go} says: {found}\nInstall a newer one (see go.dev/dl).")
    return go


def parse_version(text: str) -> tuple[int, ...]:
    """The first version number in the text, comparable; nothing found is older than anything."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _build(layout: Layout, module: Module, go: str) -> None:
    final = folder(layout, module)
    final.parent.mkdir(parents=True, exist_ok=True)
    for left_over in final.parent.glob(f".{module.name}-*"):
        shutil.rmtree(left_over)
    build = final.with_name(f".{final.name}")
    build.mkdir()
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOBIN": str(build),
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    say(f"  building {' '.join(module.programs)}")
    log = final.parent / f"{module.name}.log"
    command = [go, "install", "-v", "-trimpath", "-ldflags", module.ldflags(), module.target]
    for _ in range(TRIES):
        code = long_run(command, log, _progress, cwd=module.folder, env=environment)
        said = log.read_text(errors="replace")
        if not code or not UNREACHABLE.search(said):
            break
    if code:
        raise Problem(explain(module, said, os.environ.get("GOPROXY", "the default")))
    if (build / "server").exists():
        (build / "server").rename(build / "etcd")
    if left_out := [name for name in module.programs if not (build / name).exists()]:
        raise Problem(f"{module.folder}: the build gave no {' '.join(left_out)}; see {log}")
    build.rename(final)


def _progress(log: str) -> str:
    lines = log.rstrip().splitlines()
    return f"{len(lines)} packages, now {lines[-1]}" if lines else "starting"


def explain(module: Module, log: str, proxy: str) -> str:
    """Why the build failed, in plain words."""
    if UNREACHABLE.search(log):
        return (
            f"no Go module registry can be reached (GOPROXY is {proxy}), and {module.name} is not built yet. "
            f"Check the network and GOPROXY. go said:\n{tail(log, 5)}"
        )
    return f"building {module.name} failed. go said:\n{tail(log)}"
