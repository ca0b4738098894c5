"""Runs inside the machine: what a pod sees, on a node of its own, and processes in it.

The image is the lower layer of an overlay; folders of the volume are bound into it from an NFS mount that shares no
cache with another pod's, as if each pod were on another node.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ci.nfs.agent import Identity

IMAGE = Path("/run/image")
PODS = Path("/run/pods")
# The image's own environment, which the plan's comes on top of.
PATH = "/opt/coursehub/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Bind:
    """A folder in the pod: of the volume, or with `source` None an empty one that everybody may write."""

    path: str
    source: str | None
    read_only: bool


@dataclass(frozen=True)
class Pod:
    """A pod and as whom its processes run."""

    name: str
    identity: Identity
    home: str
    environment: Mapping[str, str]
    # What its commands are given to, if to anything.
    entrypoint: tuple[str, ...] = ("coursehub-start",)

    @property
    def folder(self) -> Path:
        return PODS / self.name

    @property
    def root(self) -> Path:
        """Its file system, as the machine sees it."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """What its server says."""
        return self.folder / "log"


def start() -> None:
    """The image's disk is where pods find it."""
    for module in ("virtio_blk", "overlay"):
        _run("modprobe", module)
    IMAGE.mkdir()
    PODS.mkdir()
    _run("mount", "-o", "ro,noload", "/dev/vdb", str(IMAGE))
    Path("/dev/pts").mkdir(exist_ok=True)
    _run("mount", "-t", "devpts", "-o", "ptmxmode=0666", "devpts", "/dev/pts")


def assemble(pod: Pod, version: str, export: Path, binds: Sequence[Bind]) -> None:
    """The pod's file system with all its folders."""
    share, layer = pod.folder / "share", pod.folder / "layer"
    for folder in (pod.root, share, layer):
        folder.mkdir(parents=True)
    options = f"vers={version},hard,nosuid,nodev,nosharecache"
    _run("mount", "-t", "nfs", "-o", options, f"127.0.0.1:{export}", str(share))
    _run("mount", "-t", "tmpfs", "-o", "mode=0755", "layer", str(layer))
    for name in ("upper", "work"):
        (layer / name).mkdir()
    layers = f"lowerdir={IMAGE},upperdir={layer / 'upper'},workdir={layer / 'work'}"
    _run("mount", "-t", "overlay", "-o", layers, "overlay", str(pod.root))
    _run("mount", "-t", "proc", "proc", str(pod.root / "proc"))
    _run("mount", "--rbind", "/dev", str(pod.root / "dev"))
    for number, bind in enumerate(binds):
        source = layer / f"empty{number}" if bind.source is None else share / bind.source
        if bind.source is None:
            source.mkdir()
            source.chmod(0o777)
        target = pod.root / bind.path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", str(source), str(target))
        if bind.read_only:
            _run("mount", "-o", "remount,bind,ro", str(target))


def dismantle(pod: Pod) -> None:
    """Nothing of the pod is left; what ran in it has been ended, and may still be ending."""
    for _ in range(50):
        if not subprocess.run(["umount", "--recursive", str(pod.root)], capture_output=True, check=False).returncode:
            break
        time.sleep(0.2)
    else:
        raise RuntimeError(f"something still runs in {pod.name}")
    for name in ("share", "layer"):
        _run("umount", str(pod.folder / name))
    shutil.rmtree(pod.folder)


def run(pod: Pod, words: Sequence[str]) -> tuple[int, str]:
    """The exit code of a pod's command and all that it said."""
    with _popen(pod, words, subprocess.PIPE) as process:
        said = process.communicate()[0].decode(errors="replace")
    return process.returncode, said


def serve(pod: Pod, words: Sequence[str]) -> int:
    """The pid of what goes on running."""
    with pod.log.open("wb") as log:
        return _popen(pod, words, log).pid


def end(pid: int) -> None:
    """It and all that it started end: its child is the first process of a namespace."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


def _popen(pod: Pod, words: Sequence[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    who = pod.identity
    return subprocess.Popen(
        [
            *("unshare", "--pid", "--fork"),
            *("chroot", f"--userspec={who.uid}:{who.gid}", f"--groups={','.join(map(str, (who.gid, *who.groups)))}"),
            *(str(pod.root), "setpriv", "--no-new-privs", "env", f"--chdir={pod.home}"),
            *(*pod.entrypoint, *words),
        ],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=pod.environment,
        umask=0o022,
        start_new_session=True,
    )


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
