"""Runs each image's own tests inside it, without a network.

What has passed is remembered beside the archive, by the content of image and tests: in CI, where nothing is, all run.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ci.cluster.problem import Problem
from ci.images.build import workshop
from ci.images.image import RECIPES, ROOT, Image
from ci.images.shell import answer, say, step

INTERPRETERS = {".py": "python3", ".mjs": "node"}
COMMON = Path(__file__).with_name("common_test.sh")
# Of what some tests do at random: which, and how often; and whether what has passed runs again.
RANDOM, AGAIN = ("SEED", "SOAK"), "AGAIN"
# A command has a network of its own.
ALONE = ("unshare", "--net", sys.executable, "-m", "ci.images.loopback")


@contextmanager
def inside(buildah: Sequence[str], image: Image, *more: str) -> Iterator[list[str]]:
    """What runs a command in the image, with its folder and what tests share.

    `more` are further options of `buildah run`.
    """
    # Look-ups of names go to the test itself, which counts them.
    container = answer([*buildah, "from", "--dns=127.0.0.1", f"docker-archive:{image.archive}"])
    words = [*buildah, "run", "--isolation=chroot", "--user=0:0"]
    # For mounts that can only be read, and for a pod's own namespaces with a loopback device.
    words += [f"--cap-add=CAP_{name}" for name in ("SETPCAP", "SYS_ADMIN", "NET_ADMIN")]
    words += [f"--volume={RECIPES}:/mnt:ro", f"--volume={COMMON.parent}:/media:ro"]
    words += [f"--env={name}={os.environ[name]}" for name in RANDOM if name in os.environ]
    words += ["--mount=type=tmpfs,destination=/home/full,tmpfs-size=64k", *more, container]
    try:
        yield words
    finally:
        answer([*buildah, "rm", container])


def check(images: Sequence[Image]) -> None:
    """Fail with the names of the images whose tests fail; one that has passed as it is passes."""
    failed = []
    again = any(name in os.environ for name in (*RANDOM, AGAIN))
    with workshop("test") as buildah:
        for image in images:
            if (mark := passed(image)).exists() and not again:
                say(f"images: {image.name} has passed with these tests already; {AGAIN}=1 runs them again")
            elif all([*_results(buildah, image)]):
                mark.touch()
            else:
                failed.append(image.name)
    if failed:
        raise Problem(f"the tests of {', '.join(failed)} failed; what broke is said above")
    say("images: all tests passed")


def passed(image: Image) -> Path:
    """What is there once its tests have passed: of another name as soon as one of those or the image is another."""
    archive = image.archive.stat()
    digest = hashlib.sha256(f"{archive.st_size} {archive.st_mtime_ns}".encode())
    # Tests of one image use those of another.
    for path in sorted([*RECIPES.glob("*/test_*"), *COMMON.parent.glob("*.py"), COMMON]):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return image.archive.with_suffix(f".{digest.hexdigest()[:12]}.passed")


def _results(buildah: Sequence[str], image: Image) -> Iterator[bool]:
    with step(f"testing {image.name}"), inside(buildah, image) as words:
        yield _run([*words, "sh", f"/media/{COMMON.name}", str(image.limit)])
        for test in sorted(image.folder.glob("test_*")):
            yield _run([*words, INTERPRETERS[test.suffix], f"/mnt/{image.folder.name}/{test.name}"])


def _run(words: Sequence[str]) -> bool:
    return subprocess.run([*ALONE, *words], cwd=ROOT, stdout=sys.stderr, check=False).returncode == 0
