"""What `coursehub secrets apply` relies on when a release renders a Secret no more that helm made."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.cli.secrets_plan import KEPT

from ci.chart import helm

from .cluster import Installation

CHART = "{apiVersion: v2, name: token, version: 1.0.0}\n"
SECRET = """\
{{- range .Values.names }}
---
{apiVersion: v1, kind: Secret, metadata: {name: {{ . }}}, stringData: {token: made by helm}}
{{- end }}
"""
NAMES = ("token-kept", "token-left")


@pytest.fixture
def chart(installation: Installation, tmp_path: Path) -> Iterator[Path]:
    """One that makes Secrets of the `names` among its values; nothing of its release is left."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(CHART)
    (tmp_path / "templates/secret.yaml").write_text(SECRET)
    yield tmp_path
    run(installation, "uninstall", "token", "--ignore-not-found")
    installation.kubectl("delete", "secret", "--ignore-not-found", *NAMES)


def run(installation: Installation, *words: str) -> None:
    command = [helm(), *words, "--namespace", installation.namespace]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_helm_leaves_a_secret_that_is_marked_in_the_cluster_alone(installation: Installation, chart: Path) -> None:
    run(installation, "install", "token", str(chart), f"--set=names={{{','.join(NAMES)}}}")
    installation.kubectl("annotate", "secret", NAMES[0], *(f"{key}={value}" for key, value in KEPT.items()))
    run(installation, "upgrade", "token", str(chart), "--reset-values")
    left = installation.kubectl("get", "secrets", "--ignore-not-found", "--output=name", *NAMES)
    assert left.split() == [f"secret/{NAMES[0]}"]
