"""All that the chart renders has the kinds and keys that Kubernetes has, as kubeconform says."""

import json
import subprocess
from typing import Any

import pytest

from ci import kinds
from ci.cluster import binaries
from ci.cluster.layout import Layout
from tests.chart.helm import ROOT, SITE, Chart, Values, at

KUBECONFORM = binaries.program(Layout.from_environment(), "kubeconform")
# Of the Prometheus operator, which describes them itself.
OTHERS = "PrometheusRule,ServiceMonitor"
IMAGE = at("jupyterhub.hub.image", SITE["jupyterhub"]["hub"]["image"])


def conform(manifest: str) -> dict[str, Any]:
    schemas = f"{kinds.folder()}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    done = subprocess.run(
        [KUBECONFORM, "-strict", "-output=json", "-summary", f"-skip={OTHERS}", f"-schema-location={schemas}"],
        input=manifest,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("values", "files"),
    [
        pytest.param({}, (), id="least"),
        pytest.param(IMAGE, ("values/example-university.yaml",), id="university"),
        pytest.param(IMAGE, ("values/local.yaml",), id="local"),
    ],
)
def test_each_object_is_one_of_kubernetes(chart: Chart, values: Values, files: tuple[str, ...]) -> None:
    said = conform(chart.text(values, *(ROOT / file for file in files)))
    assert (said.get("resources") or [], said["summary"]["invalid"], said["summary"]["errors"]) == ([], 0, 0)
    assert said["summary"]["valid"] > 20


def test_a_key_that_a_kind_does_not_have_is_found() -> None:
    said = conform(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1, targetPort: http}], selectr: {}}"
    )
    assert said["summary"]["invalid"] == 1
    assert "selectr" in said["resources"][0]["msg"]
