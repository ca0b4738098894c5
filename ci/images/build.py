"""Containerfiles to archives, with buildah and no daemon."""

import configparser
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from ci.cluster.problem import Problem
from ci.images import recipe
from ci.images.image import Image, cache
from ci.images.shell import answer, need, run, say, step

BASE_REF = "localhost/coursehub/base:local"
PROGRAMS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
FREE_MB = 4000
KEPT = 3  # archives of one image, so that going back to the last branch costs nothing


def build(images: Sequence[Image]) -> None:
    """Make the archives that are missing."""
    missing = [image for image in images if not image.archive.exists()]
    if not missing:
        return
    with workshop("build") as buildah:
        for image in missing:
            if not image.archive.exists():
                with step(f"building {image.name}"), _secrets() as secrets:
                    _build(buildah, image, secrets)
                say(f"images: {image.name}: {image.archive.stat().st_size // 10**6} MB archive {image.archive}")
                _forget_old(image.name)


def _build(buildah: list[str], image: Image, secrets: list[str]) -> None:
    image.log.unlink(missing_ok=True)
    command = [*buildah, "build", *recipe.BUILD, *secrets, f"--tag={image.ref}"]
    command.append(f"--file={image.folder / 'Containerfile'}")
    if image.base:
        if not image.base.archive.exists():
            with step(f"building {image.base.name}"):
                _build(buildah, image.base, secrets)
            _forget_old(image.base.name)
        _import(buildah, image.base, image.log)
    else:
        _import_base(buildah)
    command.append(f"--build-arg={image.argument}={image.base.ref if image.base else BASE_REF}")
    if image.target:
        command.append(f"--target={image.target}")
    run(
        [*command, str(image.context)],
        image.log,
        "a package registry that cannot be reached is the usual reason; run this again, it goes on where it stopped",
    )
    part = image.archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    remedy = f"is the disk full? Free some space in {cache()} and run this again"
    run([*buildah, "push", image.ref, f"{recipe.FORMAT}:{part}:{image.ref}"], image.log, remedy)
    part.rename(image.archive)


def _import(buildah: list[str], image: Image, log: Path) -> None:
    inspect = [*buildah, "inspect", "--type=image", image.ref]
    if subprocess.run(inspect, capture_output=True, check=False).returncode:
        run([*buildah, "pull", f"{recipe.FORMAT}:{image.archive}"], log, f"remove {image.archive} and run this again")


def _import_base(buildah: list[str]) -> None:
    inspect = [*buildah, "inspect", "--type=image", BASE_REF]
    if subprocess.run(inspect, capture_output=True, check=False).returncode == 0:
        return
    key = hashlib.sha256(Path(recipe.__file__).read_bytes()).hexdigest()[:12]
    archive, log = cache() / f"base-{key}.tar", cache() / f"base-{key}.log"
    if not archive.exists():
        with step("making the Debian base"):
            part = archive.with_name(f"part-{archive.name}")  # mmdebstrap goes by the suffix
            part.unlink(missing_ok=True)
            recipe.make_base(part, log)
            part.rename(archive)
        _forget_old("base")
    container = answer([*buildah, "from", "scratch"])
    remedy = f"remove {archive} and run this again"
    run([*buildah, "add", container, archive, "/"], log, remedy)
    run([*buildah, "commit", "--rm", container, BASE_REF], log, remedy)


@contextmanager
def workshop(purpose: str) -> Iterator[list[str]]:
    """A buildah command with a storage of this purpose alone, which is gone when all went well.

    Whoever comes for the same purpose meanwhile waits.
    """
    if os.geteuid() != 0:
        raise Problem("building images needs root: run this with sudo, or as root")
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free // 10**6
    if free < FREE_MB:
        raise Problem(f"{folder} has {free} of {FREE_MB} MB free: free some, or set COURSEHUB_CACHE to a larger place")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # mmdebstrap and buildah call what is there
    need(PROGRAMS, folder / "apt.log")
    storage = folder / f"storage-{purpose}"
    runroot = Path("/run/coursehub-images", hashlib.sha256(bytes(storage)).hexdigest()[:12])
    buildah = ["buildah", f"--root={storage}", f"--runroot={runroot}", "--storage-driver=overlay"]
    with storage.with_suffix(".lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            say(f"images: another {purpose} is running here; waiting for it ...")
            flock(lock, LOCK_EX)
        subprocess.run([*buildah, "rm", "--all"], capture_output=True, check=False)
        yield buildah
        run([*buildah, "rm", "--all"], folder / "clean.log", f"remove {storage}")
        run([*buildah, "rmi", "--all", "--force"], folder / "clean.log", f"remove {storage}")
        shutil.rmtree(storage)
        shutil.rmtree(runroot, ignore_errors=True)


@contextmanager
def _secrets() -> Iterator[list[str]]:
    """How this machine reaches the package registries: seen by the build's steps, in none of the images."""
    with tempfile.TemporaryDirectory() as folder:
        authorities = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
        files = {"ca.pem": authorities} if authorities.exists() else {}
        inside = "/run/secrets/ca.pem"

        pip = configparser.RawConfigParser()
        pip.read(["/etc/pip.conf", Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"])
        settings = dict(pip["global"]) if pip.has_section("global") else {}
        for name in ("index-url", "extra-index-url", "trusted-host", "timeout", "retries"):
            value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
            if value:
                settings[name] = value
        npm = Path.home() / ".npmrc"
        lines = [line for line in npm.read_text().splitlines() if not line.startswith("cafile")] if npm.exists() else []
        if files:
            settings["cert"] = inside
            lines.append(f"cafile={inside}")
        files["pip.conf"] = Path(folder, "pip.conf")
        files["pip.conf"].write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        files["npmrc"] = Path(folder, "npmrc")
        files["npmrc"].write_text("\n".join(lines) + "\n")
        yield [f"--secret=id={name},src={path}" for name, path in files.items()]


def _forget_old(name: str) -> None:
    archives = sorted(cache().glob(f"{name}-{'?' * 12}.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in archives[KEPT:]:
        path.unlink()
        path.with_suffix(".log").unlink(missing_ok=True)
