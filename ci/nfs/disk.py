"""The machine's root disk and kernel: Debian packages, made once and kept by content."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.cluster import packages, preflight
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import long_run, step, tail

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INCLUDED = (
    *("e2fsprogs", "iproute2", "linux-image-cloud-amd64", "nfs-kernel-server", "python3"),
    # Of the coursehub command.
    *("python3-cryptography", "python3-markupsafe", "python3-pydantic", "python3-yaml", "tzdata"),
)
NEEDED = ("debian-archive-keyring", "e2fsprogs", "mmdebstrap", "qemu-system-x86")
SIZE = 1 << 30
ROOM = 3 << 30
KEPT = 2  # so that going back to the last branch costs nothing
INIT = Path(__file__).with_name("init.sh")


@dataclass(frozen=True)
class Disk:
    """A folder with what a machine boots from."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"


def ensure() -> Disk:
    """The disk, made first where this machine has none that is made by today's recipe."""
    cache = Layout.from_environment().cache / "nfs"
    disk = Disk(cache / hashlib.sha256(Path(__file__).read_bytes() + INIT.read_bytes()).hexdigest()[:12])
    absent = packages.missing(NEEDED)
    if (absent or not disk.folder.exists()) and os.geteuid() != 0:
        what = f"to install {' '.join(absent)}" if absent else "to make the virtual machine's disk"
        raise Problem(f"the NFS tests need root the first time, {what}: run this with sudo")
    cache.mkdir(parents=True, exist_ok=True)
    if absent:
        with step(f"Debian packages {' '.join(absent)}"):
            packages.ensure(absent, cache / "apt.log")
    if not disk.folder.exists():
        preflight.disk([(cache, ROOM)])
        with (cache / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            if not disk.folder.exists():
                _make(disk.folder, cache)
    return disk


def _make(folder: Path, cache: Path) -> None:
    for left in cache.glob("part-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a run that was killed and may just be ending
    with TemporaryDirectory(prefix="part-", dir=cache, ignore_cleanup_errors=True) as part:
        made = Disk(Path(part, "disk"))
        made.folder.mkdir()
        _fill(made, Path(part, "tree"), cache / "mmdebstrap.log")
        made.folder.rename(folder)
    folders = sorted(cache.glob("[0-9a-f]" * 12), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in folders[KEPT:]:
        shutil.rmtree(old)


def _fill(disk: Disk, tree: Path, log: Path) -> None:
    with step(f"a root disk of Debian packages: {' '.join(INCLUDED)}"):
        command = [
            *("setpriv", "--pdeathsig=TERM"),  # mmdebstrap ends with us, and cleans up
            *("unshare", "--mount"),  # whatever happens, nobody else sees its mounts
            *("mmdebstrap", "--mode=root"),
            "--variant=minbase",
            f"--include={','.join(INCLUDED)}",
            f"--keyring={KEYRING}",
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")),
            SUITE,
            str(tree),
        ]
        if long_run(command, log, lambda text: text.rstrip().rpartition("\n")[2], env=_environment()):
            raise Problem(
                "mmdebstrap failed: is Debian's package archive reachable from here? Then run this again. "
                f"The end of {log}:\n{tail(log.read_text(errors='replace'))}"
            )
    with step("its file system"):
        shutil.copy(INIT, tree / "usr/sbin/init")
        with disk.root.open("wb") as root:
            root.truncate(SIZE)
        command = ["mkfs.ext4", "-q", "-F", "-d", str(tree), str(disk.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        if done.returncode:
            raise Problem(f"mkfs.ext4 failed; free some space in {log.parent} and run this again:\n{tail(done.stderr)}")
        shutil.copyfile(next(tree.glob("boot/vmlinuz-*")), disk.kernel)


def _environment() -> dict[str, str]:
    # The kernel package heeds INITRD: no initial ram disk, which takes long to make and to boot.
    return {**os.environ, "INITRD": "No", "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
