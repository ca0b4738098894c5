"""Kubernetes is new enough for the chart, whoever built it."""

import re
from pathlib import Path

import pytest
from coursehub.cli.cluster import version

CHART = Path(__file__).parents[4] / "chart/Chart.yaml"


def answer(text: str) -> dict[str, object]:
    """As `kubectl version --output json` prints it."""
    return {"clientVersion": {"gitVersion": "v1.37.2"}, "serverVersion": {"gitVersion": text}}


@pytest.mark.parametrize("text", ["v1.33.0", "v1.34.4-eks-113cf36", "v1.35.2-gke.1099000", "v1.36.0+k3s1", "v2.0.1"])
def test_a_version_that_the_chart_takes_is_well(text: str) -> None:
    assert version.line(answer(text)).todo is None


@pytest.mark.parametrize("text", ["v1.32.9", "v1.9.3", "master"])
def test_an_older_one_is_said_with_the_oldest_that_will_do(text: str) -> None:
    assert version.line(answer(text)).todo == "upgrade the cluster to 1.33 or newer"


def test_the_oldest_is_the_charts() -> None:
    found = re.search(r'kubeVersion: ">=(\d+)\.(\d+)\.0-0"', CHART.read_text())
    assert found
    assert (int(found[1]), int(found[2])) == version.OLDEST
