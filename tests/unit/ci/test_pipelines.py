"""The files for GitHub Actions, GitLab CI and Renovate: right in the words of their own linters, and alike."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci import parts
from ci.cluster import binaries
from ci.cluster.layout import Layout

ROOT = Path(__file__).parents[3]
GITHUB = sorted(ROOT.glob(".github/workflows/*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
ACTIONLINT = binaries.program(Layout.from_environment(), "actionlint")
BIN = Path(sys.executable).parent
# They run on a cluster, in `make test` alone; images have a job of their own for each architecture.
NOT_THERE = {"images-test"}
NEWEST = "hub JUPYTERHUB=newest"


def _read(path: Path) -> dict[str, Any]:
    # "on" is text in GitHub's reading of YAML, and true in PyYAML's.
    found: dict[str, Any] = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 - makes nothing but text
    return found


def _says_nothing(*command: str | Path) -> None:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])  # where shellcheck is
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not Path(ACTIONLINT).exists(), reason="not built; `make check` does that first")
def test_actionlint_has_nothing_to_say() -> None:
    _says_nothing(ACTIONLINT, "-no-color", *GITHUB)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        pytest.param("vendor.github-workflows", GITHUB, id="github"),
        pytest.param("custom.github-workflows-require-timeout", GITHUB, id="time-outs"),
        pytest.param("vendor.gitlab-ci", [GITLAB], id="gitlab"),
        pytest.param("vendor.renovate", [ROOT / "renovate.json"], id="renovate"),
    ],
)
def test_each_file_has_the_form_that_its_service_reads(schema: str, files: list[Path]) -> None:
    more = ["--data-transform=gitlab-ci"] if "gitlab" in schema else []
    _says_nothing(sys.executable, "-m", "check_jsonschema", f"--builtin-schema={schema}", *more, *files)


def test_each_target_of_make_that_they_name_is_there() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    texts = "\n".join(path.read_text() for path in [*GITHUB, GITLAB])
    named = {word for line in re.findall(r"- (?:run: )?make ([a-z -]+)", texts) for word in line.split()}
    assert named - targets == set()
    assert {"images-test", "wheel", "package", "publish-images", "publish-sign"} <= named


def test_both_run_all_that_needs_no_cluster() -> None:
    wanted = [*sorted({*parts.OTHERS} - NOT_THERE), NEWEST]
    ours = _read(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["part"]
    theirs = _read(GITLAB)["test"]["parallel"]["matrix"][0]["PART"]
    assert sorted(ours) == sorted(theirs) == sorted(wanted)


def test_each_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    used = [line for path in GITHUB for line in path.read_text().splitlines() if "uses:" in line]
    pinned = re.compile(r"- uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert used
    assert [line for line in used if not pinned.fullmatch(line.strip())] == []


def test_what_a_job_may_is_said_and_only_a_tag_publishes() -> None:
    ci, release = (_read(ROOT / f".github/workflows/{name}.yml") for name in ("ci", "release"))
    assert ci["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in ci["jobs"].values())
    assert release["permissions"] == {}
    assert list(release["on"]) == ["push"]
    assert list(release["on"]["push"]) == ["tags"]
    gitlab = _read(GITLAB)
    for name in ("publish-images", "publish-chart", "page"):
        assert gitlab[name]["extends"] == ".for-tags"


def test_what_a_script_pins_is_found_by_renovate() -> None:
    manager = json.loads((ROOT / "renovate.json").read_text())["customManagers"][0]
    pattern = re.compile(manager["matchStrings"][0].replace("(?<", "(?P<"))
    found = pattern.search((ROOT / "ci/publish-tools.sh").read_text())
    assert found
    assert found["depName"] == "github.com/sigstore/cosign/v3"
    assert found["datasource"] == "go"
