"""A real Prometheus on this machine, which scrapes the hub that `make up` installed, its kubelet and the machine."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests import ports
from tests.alerts.rules import RULES
from tests.e2e.cluster import Installation, until

# The people and the installation of the browser tests.
from tests.e2e.conftest import hub_and_proxy_run, installation, log_in, nobody_is_left
from tests.e2e.person import Person

__all__ = ["hub_and_proxy_run", "installation", "lesson", "log_in", "nobody_is_left", "prometheus"]

ROOT = Path(__file__).resolve().parents[2]


class Prometheus:
    """The one that runs, asked over its API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=30)

    def ready(self) -> bool:
        """It has read its configuration and answers."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Each series of the present, with its labels; NaN, which is no answer, left out."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        found = [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]
        return [(labels, value) for labels, value in found if value == value]

    def some(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Its series as soon as there is one: where a scrape failed, there is none for a moment."""
        return until(lambda: self.query(expression), 60, f"there is data for {expression}")

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def targets(self) -> dict[str, str]:
        """The health of each job, or why it cannot be scraped."""
        found = self._client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {each["labels"]["job"]: each["lastError"] or each["health"] for each in found}


def token(installation: Installation) -> str:
    """What the chart's ServiceMonitor has Prometheus send."""
    key = re.escape("hub.services.coursehub-metrics.apiToken").replace(r"\-", "-")
    said = installation.kubectl("get", "secret", "hub", f"--output=jsonpath={{.data.{key}}}")
    return base64.b64decode(said).decode()


def configuration(installation: Installation, folder: Path, node: int) -> dict[str, Any]:
    """Scrapes every two seconds; alerts look back twenty, and do not wait to be sure.

    So CoursehubProxyDown means something only where the hub looks at its proxy more often: in the troubled site.
    """
    access = json.loads(Path(installation.kubeconfig).read_text())
    cluster, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    given = {
        "ca": cluster["certificate-authority-data"],
        "cert": user["client-certificate-data"],
        "key": user["client-key-data"],
    }
    for name, content in given.items():
        (folder / f"{name}.pem").write_bytes(base64.b64decode(content))
    groups = yaml.safe_load(RULES.read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        rule.pop("for", None)
        for long, short in ((r"\[\d+[mh]\]", "[20s]"), (r"\b(3600|7200)\b", "30"), (r"> 60\b", "> 15")):
            rule["expr"] = re.sub(long, short, rule["expr"])
    (folder / "alerts.yaml").write_text(yaml.safe_dump({"groups": groups}))
    nodes = json.loads(installation.kubectl("get", "nodes", "--output", "json"))["items"]
    hub = installation.kubectl("get", "service", "hub", "--output=jsonpath={.spec.clusterIP}")
    return {
        "global": {"scrape_interval": "2s", "evaluation_interval": "2s"},
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [
            {
                "job_name": "coursehub-hub",
                "metrics_path": "/hub/metrics",
                "authorization": {"credentials": token(installation)},
                "static_configs": [
                    {
                        "targets": [f"{hub}:8081"],
                        "labels": {"namespace": installation.namespace},
                    }
                ],
            },
            {
                "job_name": "kubelet",
                "scheme": "https",
                "metrics_path": f"/api/v1/nodes/{nodes[0]['metadata']['name']}/proxy/metrics/cadvisor",
                "honor_labels": True,
                "tls_config": {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"},
                "static_configs": [{"targets": [cluster["server"].removeprefix("https://")]}],
            },
            {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{node}"]}]},
        ],
    }


@pytest.fixture(scope="session")
def prometheus(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Started once; it ends with the tests and leaves nothing behind."""
    folder = tmp_path_factory.mktemp("prometheus")
    folder.chmod(0o700)
    port, node = ports.free(), ports.free()
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration(installation, folder, node)))
    commands = (
        ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}"],
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    )
    with (folder / "log").open("wb") as log:
        programs = [subprocess.Popen(each, stdout=log, stderr=log, cwd=folder) for each in commands]
        try:
            made = Prometheus(f"http://127.0.0.1:{port}")
            until(made.ready, 60, f"Prometheus answers; see {folder / 'log'}")
            wanted = dict.fromkeys(("coursehub-hub", "kubelet", "node"), "up")
            until(lambda: made.targets() == wanted, 60, f"all is scraped: {made.targets()}")
            yield made
        finally:
            for each in programs:
                each.terminate()
            for each in programs:
                each.wait(30)


@pytest.fixture(scope="session")
def lesson(installation: Installation, prometheus: Prometheus) -> Iterator[None]:
    """One starts a course, one is refused, the spawn test was run; twice, since only what grows has a rate."""
    people = [Person(installation.url, name, installation.password) for name in ("maria", "emma")]
    maria, emma = people
    try:
        for turn in range(2):
            maria.start("python-intro")
            emma.choose("data-analysis")
            installation.job("coursehub-spawn-test", f"tests-lesson-{os.getpid()}-{turn}", 600)
            if turn == 0:
                maria.stop()
        yield
    finally:
        for each in people:
            each.stop()
