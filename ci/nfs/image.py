"""A container image's file system as a disk of the machine, made once and kept by content."""

import hashlib
import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

from ci.cluster import preflight
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import step, tail
from ci.images import build
from ci.images.image import Image
from ci.images.shell import answer

KEPT = 2
SPARE = 64  # MiB
ROOM = 3 << 30


def ensure(image: Image) -> Path:
    """The disk; the image is built first where it is missing."""
    cache = Layout.from_environment().cache / "nfs"
    cache.mkdir(parents=True, exist_ok=True)
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:6]
    disk = cache / f"{image.name}-{image.key}-{recipe}.ext4"
    if not disk.exists():
        preflight.disk([(cache, ROOM)])
        with (cache / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            if not disk.exists():
                _make(image, disk)
    return disk


def _make(image: Image, disk: Path) -> None:
    part = disk.with_suffix(".part")
    build.build([image])
    with step(f"a disk of the image {image.name}"), build.workshop("disk") as buildah:
        container = answer([*buildah, "from", f"docker-archive:{image.archive}"])
        _fill(part, Path(answer([*buildah, "mount", container])))
    part.rename(disk)
    for old in sorted(disk.parent.glob(f"{image.name}-*.ext4"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink()


def _fill(disk: Path, tree: Path) -> None:
    size = int(answer(["du", "--summarize", "--block-size=1M", tree]).split()[0])
    with disk.open("wb") as file:
        file.truncate((size * 6 // 5 + SPARE) << 20)
    command = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-d", str(tree), str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"mkfs.ext4 failed; free some space in {disk.parent} and run this again:\n{tail(done.stderr)}")
