"""The chart's generated parts, and the chart made ready to install.

    python3 -m ci.chart schema [--check]    values.schema.json from values.schema.yaml (needs PyYAML)
    python3 -m ci.chart version [--check]   the one version of package, chart and hub image
    python3 -m ci.chart version --release   the same without the digest, to publish from
    python3 -m ci.chart assemble FOLDER     the chart with its dependency, ready for `helm upgrade --install`
    python3 -m ci.chart package FOLDER      the chart as an archive, only ever with upstream's real chart

The dependency is upstream's chart from Z2JH_CHART=PATH (an archive or an unpacked folder), else by
`helm dependency build`, else the stand-in of ci/z2jh-standin. `assemble` prints which kind it is, and one line with
the reason on stderr.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci import changelog, published
from ci.cluster import binaries
from ci.cluster.layout import Layout
from ci.images.image import IMAGES, release
from ci.images.image import VERSION as VERSION_FILE

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "chart"
STANDIN = ROOT / "ci/z2jh-standin"
NAME, VERSION, REPOSITORY = "jupyterhub", "4.4.0", "https://hub.jupyter.org/helm-chart/"
_STANDIN_MARK = "coursehub/stand-in"
_VERSION = re.compile(r"(?m)^(version|appVersion): .*$")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "charts")


class ChartError(Exception):
    """What is wrong, and what to do about it."""


@dataclass(frozen=True)
class Dependency:
    """The chart that coursehub wraps, as it was found."""

    kind: Literal["upstream", "stand-in"]
    path: Path
    why: str


def helm() -> str:
    """The helm to call: HELM, else the one built for the local cluster, else the one on PATH."""
    built = binaries.program(Layout.from_environment(), "helm")
    for candidate in (os.environ.get("HELM"), built, shutil.which("helm")):
        if candidate and Path(candidate).is_file():
            return candidate
    raise ChartError("no helm found; name one by HELM=PATH, or run `make up`, which builds one")


def assemble(out: Path) -> Dependency:
    """Puts the chart into the folder `out`, which it replaces, with the dependency unpacked inside."""
    if out.exists() and any(out.iterdir()) and not (out / "Chart.yaml").exists():
        raise ChartError(f"{out} holds something else; name a new folder")
    with tempfile.TemporaryDirectory(prefix="coursehub-chart-") as scratch:
        dependency = _dependency(Path(scratch))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(CHART, out, ignore=_IGNORED)
        shutil.copytree(dependency.path, out / "charts" / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    return dependency


def package(out: Path) -> Path:
    """Writes the archive to publish into the folder `out`."""
    with tempfile.TemporaryDirectory(prefix="coursehub-chart-") as scratch:
        chart = Path(scratch) / "coursehub"
        dependency = assemble(chart)
        if dependency.kind == "stand-in":
            raise ChartError(
                f"the stand-in is never packaged ({dependency.why}); give upstream's chart by Z2JH_CHART=PATH"
            )
        _say_where_it_is_from(chart)
        printed = subprocess.run([helm(), "package", chart, "-d", out], check=True, capture_output=True, text=True)
    return Path(printed.stdout.rsplit(": ", 1)[-1].strip())


def _say_where_it_is_from(chart: Path) -> None:
    version = VERSION_FILE.read_text().strip()
    changes = changelog.changes(changelog.section(release()))
    texts: dict[str, Callable[[str], str]] = {
        "Chart.yaml": lambda text: published.about(text, version, changes),
        "README.md": lambda text: published.text(text, version),
        "values.yaml": lambda text: published.values(text, version),
    }
    for name, said in texts.items():
        (chart / name).write_text(said((chart / name).read_text()))


def _dependency(scratch: Path) -> Dependency:
    given = os.environ.get("Z2JH_CHART")
    if given:
        return _checked(_unpacked(Path(given), scratch), f"Z2JH_CHART={given}")
    try:
        archive = _fetched(scratch)
    except ChartError as error:
        return Dependency("stand-in", STANDIN, str(error))
    return _checked(_unpacked(archive, scratch), f"from {REPOSITORY}")


def _fetched(scratch: Path) -> Path:
    """Upstream's archive, kept in chart/charts/ once fetched; `helm dependency build` wants the repository added."""
    archive = CHART / "charts" / f"{NAME}-{VERSION}.tgz"
    if archive.exists():
        return archive
    environment = os.environ | {f"HELM_{kind}_HOME": str(scratch / kind) for kind in ("CONFIG", "CACHE", "DATA")}
    # Elsewhere, as another process may do the same at the same time.
    only = scratch / "dependency"
    only.mkdir()
    for name in ("Chart.yaml", "Chart.lock"):
        shutil.copy(CHART / name, only)
    try:
        for arguments in (["repo", "add", NAME, REPOSITORY], ["dependency", "build", str(only), "--skip-refresh"]):
            subprocess.run(
                [helm(), *arguments], env=environment, check=True, capture_output=True, text=True, timeout=120
            )
    except subprocess.TimeoutExpired:
        raise ChartError(f"{REPOSITORY} did not answer within 120 s") from None
    except subprocess.CalledProcessError as error:
        reason = str(error.stderr).strip().splitlines()[-1].rsplit(": ", 1)[-1]
        raise ChartError(f"{REPOSITORY} cannot be reached: {reason}") from None
    archive.parent.mkdir(exist_ok=True)
    whole = archive.with_name(f".{archive.name}.{os.getpid()}")
    shutil.copyfile(only / "charts" / archive.name, whole)
    whole.replace(archive)
    return archive


def _unpacked(source: Path, scratch: Path) -> Path:
    if source.is_dir():
        return source
    if not source.is_file():
        raise ChartError(f"{source} is no chart; give an archive (.tgz) or an unpacked folder")
    try:
        with tarfile.open(source) as archive:
            archive.extractall(scratch, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise ChartError(f"{source} is no chart archive ({error}); give a .tgz or an unpacked folder") from None
    return scratch / NAME


def _checked(chart: Path, why: str) -> Dependency:
    """The chart, after a look at its name and version: any other one would fail in ways hard to read."""
    try:
        text = (chart / "Chart.yaml").read_text()
    except OSError:
        raise ChartError(f"{why}: there is no Chart.yaml of a chart {NAME} in it") from None
    found = {key: _top_level(text, key) for key in ("name", "version")}
    if found != {"name": NAME, "version": VERSION}:
        raise ChartError(f"{why}: this is {found['name']} {found['version']}; coursehub needs {NAME} {VERSION}")
    return Dependency("stand-in" if _STANDIN_MARK in text else "upstream", chart, why)


def _top_level(text: str, key: str) -> str:
    match = re.search(rf"(?m)^{key}:\s*[\"']?([^\s\"'#]+)", text)
    return match[1] if match else f"without {key}"


def write_version(*, check: bool, publish: bool = False) -> None:
    """Writes the hub image's tag into the package and the chart, or says that the one there is old.

    `publish`: the version of the release in its place, where CHANGELOG.md says what that has.
    """
    version, about = release() if publish else IMAGES["hub"].tag, CHART / "Chart.yaml"
    if publish and not changelog.section(version):
        raise ChartError(f"CHANGELOG.md has no section {version}; write what is new in it")
    if publish and (tag := os.environ.get("TAG", f"v{version}")) != f"v{version}":
        raise ChartError(f"the tag is {tag}, and pyproject.toml has the version {version}; one of them is wrong")
    _write(VERSION_FILE, f"{version}\n", check, "version")
    _write(about, _VERSION.sub(rf'\g<1>: "{version}"', about.read_text()), check, "version")


def write_schema(*, check: bool) -> None:
    """Writes both charts' values.schema.json, or says that one is not what its values.schema.yaml says."""
    import yaml  # the other commands run before there is a .venv

    for chart in (CHART, STANDIN):
        schema = yaml.safe_load((chart / "values.schema.yaml").read_text())
        _write(chart / "values.schema.json", json.dumps(schema, indent=1, ensure_ascii=False) + "\n", check, "schema")


def _write(path: Path, text: str, check: bool, command: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    if check:
        raise ChartError(f"{path.relative_to(ROOT)} is out of date; run `python3 -m ci.chart {command}` and commit it")
    path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("schema", "version"):
        how = commands.add_parser(name).add_mutually_exclusive_group()
        how.add_argument("--check", action="store_true", help="only say whether it is up to date")
        if name == "version":
            how.add_argument("--release", action="store_true", help="without the digest, for the tag TAG")
    for name in ("assemble", "package"):
        commands.add_parser(name).add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "schema":
                write_schema(check=arguments.check)
            case "version":
                write_version(check=arguments.check, publish=arguments.release)
            case "assemble":
                dependency = assemble(arguments.folder)
                print(f"z2jh: {dependency.kind} ({dependency.why})", file=sys.stderr)
                print(dependency.kind)
            case "package":
                print(package(arguments.folder))
    except ChartError as error:
        print(f"ci.chart: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
