"""`python -m ci.chart`: which chart becomes the dependency, and what is never published."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from coursehub.version import VERSION

from ci.chart import helm
from ci.images.image import IMAGES, release
from tests.chart.helm import ROOT, Chart

NAME = "name: jupyterhub\n"


def _run(*arguments: str | Path, z2jh: Path | str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ci.chart", *map(str, arguments)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HELM": helm(), "Z2JH_CHART": str(z2jh)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A folder that passes for upstream's chart: the stand-in without its mark."""
    folder = tmp_path / "upstream/jupyterhub"
    shutil.copytree(ROOT / "ci/z2jh-standin", folder)
    chart = yaml.safe_load((folder / "Chart.yaml").read_text())
    del chart["annotations"]
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return folder


def _archive(folder: Path) -> Path:
    path = folder.parent / "jupyterhub-4.4.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "jupyterhub")
    return path


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_given_chart_is_taken_and_said_in_one_line(upstream: Path, tmp_path: Path, form: str) -> None:
    given = upstream if form == "folder" else _archive(upstream)
    done = _run("assemble", tmp_path / "out", z2jh=given)
    assert (done.returncode, done.stdout) == (0, "upstream\n")
    assert done.stderr == f"z2jh: upstream (Z2JH_CHART={given})\n"
    assert (tmp_path / "out/charts/jupyterhub/Chart.yaml").read_text() == (upstream / "Chart.yaml").read_text()


@pytest.mark.parametrize(
    ("chart", "message"),
    [
        (NAME + "version: 4.3.0\n", "this is jupyterhub 4.3.0; coursehub needs jupyterhub 4.4.0"),
        ('name: "binderhub"\nversion: "4.4.0"\n', "this is binderhub 4.4.0; coursehub needs jupyterhub 4.4.0"),
        (NAME, "this is jupyterhub without version; coursehub needs jupyterhub 4.4.0"),
        (None, "there is no Chart.yaml of a chart jupyterhub in it"),
    ],
    ids=["version", "name", "no version", "no chart"],
)
def test_another_chart_is_refused(upstream: Path, tmp_path: Path, chart: str | None, message: str) -> None:
    (upstream / "Chart.yaml").unlink()
    if chart is not None:
        (upstream / "Chart.yaml").write_text(chart)
    done = _run("assemble", tmp_path / "out", z2jh=upstream)
    assert done.returncode == 1
    assert done.stderr == f"ci.chart: Z2JH_CHART={upstream}: {message}\n"
    assert not (tmp_path / "out").exists()


def test_what_is_no_chart_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive")
    assert "is no chart archive" in _run("assemble", tmp_path / "out", z2jh=tmp_path / "text").stderr
    assert "is no chart; give an archive" in _run("assemble", tmp_path / "out", z2jh=tmp_path / "gone").stderr


def test_a_folder_with_something_else_in_it_is_left_alone(upstream: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("years of work")
    assert "holds something else" in _run("assemble", tmp_path / "out", z2jh=upstream).stderr
    assert (tmp_path / "out/thesis.txt").exists()


def test_assembling_again_replaces_the_folder(upstream: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert _run("assemble", tmp_path / "out", z2jh=upstream).returncode == 0
        assert not (tmp_path / "out/templates/left-over.yaml").exists()
        (tmp_path / "out/templates/left-over.yaml").touch()


def test_the_stand_in_is_never_packaged(tmp_path: Path) -> None:
    done = _run("package", tmp_path / "dist", z2jh=ROOT / "ci/z2jh-standin")
    assert done.returncode == 1
    assert "the stand-in is never packaged" in done.stderr
    assert not (tmp_path / "dist").exists()


def test_a_package_holds_upstreams_chart_and_no_python_of_ours(upstream: Path, tmp_path: Path) -> None:
    done = _run("package", tmp_path / "dist", z2jh=_archive(upstream))
    assert done.returncode == 0, done.stderr
    with tarfile.open(done.stdout.strip()) as archive:
        names = set(archive.getnames())
        subchart = archive.extractfile("coursehub/charts/jupyterhub/Chart.yaml")
        assert subchart
        assert b"stand-in" not in subchart.read()
    assert not [name for name in names if name.endswith((".py", ".pyc")) and "/charts/" not in name]


def test_the_lock_is_of_the_dependency_that_chart_yaml_names() -> None:
    (wanted,) = yaml.safe_load((ROOT / "chart/Chart.yaml").read_text())["dependencies"]
    (locked,) = yaml.safe_load((ROOT / "chart/Chart.lock").read_text())["dependencies"]
    assert locked == wanted
    assert wanted == {"name": "jupyterhub", "version": "4.4.0", "repository": "https://hub.jupyter.org/helm-chart/"}


def test_package_chart_and_image_have_one_version() -> None:
    about = yaml.safe_load((ROOT / "chart/Chart.yaml").read_text())
    assert about["version"] == about["appVersion"] == VERSION == IMAGES["hub"].tag
    assert re.fullmatch(rf"{re.escape(release())}-c[0-9a-f]{{12}}", about["version"])


def test_helm_lint_is_content(chart: Chart) -> None:
    done = subprocess.run([helm(), "lint", "--strict", chart.folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_in_the_chart_knows_the_stand_in(chart: Chart) -> None:
    files = [path for path in chart.folder.rglob("*") if path.is_file() and "charts" not in path.parts]
    assert [path.name for path in files if b"stand-in" in path.read_bytes()] == []
