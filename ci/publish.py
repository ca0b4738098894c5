"""Publishes a release, or says what would be done: python3 -m ci.publish [--dry-run] images|chart|sign|notes

    images [NAME...]   build them for both architectures, with SBOM and provenance, and push them
    chart              package the chart with upstream's in it, and push it
    sign               sign by cosign what was pushed, and what is in dist/ beside it
    notes              print what the release's page says, from CHANGELOG.md

COURSEHUB_REGISTRY says where to; docker, with buildx, and helm are logged in there. What was pushed is listed in
dist/published, a reference with its digest a line. COURSEHUB_SIGNING_KEY names a key for cosign, where the CI's tokens
are none that the public Sigstore knows.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ci import changelog, chart, published
from ci.cluster.problem import Problem
from ci.images.image import IMAGES, MADE_ON_OURS, ROOT, VERSION, Image, release

PLATFORMS = "linux/amd64,linux/arm64"
# The proxy of a site is upstream's.
PUBLISHED = {name: image for name, image in (IMAGES | MADE_ON_OURS).items() if name != "proxy"}
DIST = ROOT / "dist"
PUSHED = DIST / "published"
_DIGEST = re.compile(r"(?m)^Digest: (sha256:[0-9a-f]{64})$")


def build_command(image: Image, where: str, version: str, metadata: Path, base: str | None = None) -> list[str]:
    """What builds and pushes an image; `base` is the reference of the one of ours that it is made on."""
    command = ["docker", "buildx", "build", f"--platform={PLATFORMS}", "--sbom=true", "--provenance=mode=max"]
    command += [f"--file={(image.folder / 'Containerfile').relative_to(ROOT)}", f"--tag={_tag(image, where, version)}"]
    if base:
        command.append(f"--build-arg={image.argument}={base}")
    return [*command, f"--metadata-file={metadata}", "--push", str(image.context.relative_to(ROOT))]


def sign_command(reference: str) -> list[str]:
    """Without a key by the token that the CI hands to the job."""
    return ["cosign", "sign", "--yes", *_key(), reference]


def sign_file_command(path: Path) -> list[str]:
    """The signature goes beside it."""
    return ["cosign", "sign-blob", "--yes", *_key(), f"--bundle={path}.sigstore.json", str(path)]


def _key() -> list[str]:
    key = os.environ.get("COURSEHUB_SIGNING_KEY")
    return [f"--key={key}"] if key else []


def images(names: Sequence[str], *, dry: bool) -> None:
    """Builds and pushes them, each behind the one that it is made on."""
    if unknown := sorted({*names} - {*PUBLISHED}):
        raise Problem(f"no image {', '.join(unknown)} is published; there are {', '.join(PUBLISHED)}")
    where, version, pushed = _where(), VERSION.read_text().strip(), dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PUBLISHED:
            image, metadata = PUBLISHED[name], Path(folder, f"{name}.json")
            base = None
            if image.base and image.base.name in PUBLISHED:
                base = pushed.get(image.base.name, _tag(image.base, where, version))
            _run(build_command(image, where, version, metadata, base), dry=dry)
            if not dry:
                digest = json.loads(metadata.read_text())["containerimage.digest"]
                pushed[name] = f"{where}/coursehub-{name}@{digest}"
                _note(pushed[name])


def push_chart(*, dry: bool) -> None:
    """Where the registry is this machine's own, without TLS."""
    where = f"{_where()}/charts"
    plain = ["--plain-http"] if where.startswith(("localhost:", "127.0.0.1:")) else []
    archive = DIST / "coursehub-VERSION.tgz" if dry else chart.package(DIST)
    said = _run([chart.helm(), "push", str(archive), f"oci://{where}", *plain], dry=dry, heard=True)
    if not dry:
        found = _DIGEST.search(said)
        if not found:
            raise Problem(f"helm push says no digest: {said}")
        _note(f"{where}/coursehub@{found[1]}")


def sign(*, dry: bool) -> None:
    """All that was pushed, and each wheel and chart in dist/."""
    for reference in PUSHED.read_text().split() if PUSHED.exists() else ():
        _run(sign_command(reference), dry=dry)
    for path in sorted([*DIST.glob("*.whl"), *DIST.glob("*.tgz")]):
        _run(sign_file_command(path), dry=dry)


def notes() -> str:
    """The section of this version."""
    said = changelog.section(release())
    if not said:
        raise Problem(f"CHANGELOG.md has no section {release()}")
    return said


def _where() -> str:
    where = published.registry()
    if not where:
        raise Problem("COURSEHUB_REGISTRY is not set; write where images and chart go, as ghcr.io/NAME")
    return where


def _tag(image: Image, where: str, version: str) -> str:
    return f"{where}/coursehub-{image.name}:{version}"


def _note(reference: str) -> None:
    PUSHED.parent.mkdir(exist_ok=True)
    with PUSHED.open("a") as listed:
        listed.write(reference + "\n")


def _run(command: Sequence[str], *, dry: bool, heard: bool = False) -> str:
    """What it says, where it is `heard`; printed it is in any case."""
    print("+", *command, file=sys.stderr, flush=True)
    if dry:
        return ""
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if heard else {"stdout": sys.stderr.fileno()}
    done = subprocess.run(command, cwd=ROOT, text=True, check=False, **where)
    said = done.stdout or ""
    print(said, end="", file=sys.stderr, flush=True)
    if done.returncode:
        raise Problem(f"{command[0]} failed with exit code {done.returncode}")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("images").add_argument("names", nargs="*", metavar="NAME", help=", ".join(PUBLISHED))
    for name in ("chart", "sign", "notes"):
        commands.add_parser(name)
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "images":
                images(arguments.names, dry=arguments.dry_run)
            case "chart":
                push_chart(dry=arguments.dry_run)
            case "sign":
                sign(dry=arguments.dry_run)
            case "notes":
                print(notes(), end="")
    except (Problem, chart.ChartError) as problem:
        print(f"ci.publish: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
