"""Runs each image's own tests inside it, without a network."""

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
    # Of what some tests do at random: which, and how often.
    words += [f"--env={name}={os.environ[name]}" for name in ("SEED", "SOAK") if name in os.environ]
    words += ["--mount=type=tmpfs,destination=/home/full,tmpfs-size=64k", *more, container]
    try:
        yield words
    finally:
        answer([*buildah, "rm", container])


def check(images: Sequence[Image]) -> None:
    """Fail with the names of the images whose tests fail."""
    failed = []
    with workshop("test") as buildah:
        for image in images:
            with step(f"testing {image.name}"), inside(buildah, image) as words:
                tests = sorted(image.folder.glob("test_*"))
                commands = [
                    ["sh", f"/media/{COMMON.name}", str(image.limit)],
                    *([INTERPRETERS[test.suffix], f"/mnt/{image.folder.name}/{test.name}"] for test in tests),
                ]
                for command in commands:
                    if subprocess.run([*ALONE, *words, *command], cwd=ROOT, stdout=sys.stderr, check=False).returncode:
                        failed.append(image.name)
    if failed:
        raise Problem(f"the tests of {', '.join(dict.fromkeys(failed))} failed; what broke is said above")
    say("images: all tests passed")
