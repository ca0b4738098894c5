"""Monitoring: off by default; on, what Prometheus, Grafana and a test person need; what cannot work is refused."""

import json
from typing import Any

import pytest
import yaml

from tests.chart.helm import ROOT, Chart, Object, Objects, Values, at, hub_values, merged, pod_spec, site_values
from tests.chart.kinds import OURS, UPSTREAM

FROM = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
PERSON: Values = at("identity.file.people", {"spawntest": {"uid": 20031, "gid": 20031}})
TRYING: Values = merged(PERSON, at("monitoring.spawnTest.enabled", True))
EVERYTHING: Values = merged(
    TRYING,
    {
        "monitoring": {
            "labels": {"release": "prometheus"},
            "from": FROM,
            "serviceMonitor": {"enabled": True},
            "rules": {"enabled": True},
            "dashboard": {"enabled": True},
        }
    },
)
ADDED = [
    ("ConfigMap", "coursehub-dashboard"),
    ("CronJob", "coursehub-spawn-test"),
    ("NetworkPolicy", "coursehub-metrics"),
    ("NetworkPolicy", "coursehub-spawn-test"),
    ("Pod", "coursehub-spawn-test"),
    ("PrometheusRule", "coursehub"),
    ("ServiceMonitor", "coursehub-hub"),
]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "chart/files/alerts.yaml").read_text())


@pytest.fixture(scope="module")
def monitored(chart: Chart) -> Objects:
    """The objects of the least site with all of it on."""
    return chart.render(EVERYTHING)


def test_on_it_adds_exactly_these_objects(monitored: Objects) -> None:
    assert sorted(monitored) == sorted(OURS + UPSTREAM + ADDED)


@pytest.mark.parametrize("name", ADDED, ids=" ".join)
def test_each_of_them_carries_our_labels(monitored: Objects, name: tuple[str, str]) -> None:
    assert monitored[name]["metadata"]["labels"]["app.kubernetes.io/name"] == "coursehub"


def test_prometheus_finds_the_hubs_service_and_is_let_in_with_a_token_that_reads_metrics_alone(
    monitored: Objects,
) -> None:
    monitor = monitored["ServiceMonitor", "coursehub-hub"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = monitored["Service", "hub"]
    chosen = monitor["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= service["metadata"]["labels"].items()
    assert not chosen.items() <= monitored["Service", "proxy-public"]["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port.get("name") for port in service["spec"]["ports"]}
    assert (endpoint["path"], endpoint["interval"]) == ("/hub/metrics", "30s")
    credentials = endpoint["authorization"]["credentials"]
    assert credentials["key"] in monitored["Secret", credentials["name"]]["data"]
    role = hub_values(monitored)["hub"]["loadRoles"]["coursehub-metrics"]
    assert role == {"scopes": ["read:metrics"], "services": ["coursehub-metrics"]}
    assert {"targetLabel": "job", "replacement": "coursehub-hub"} in endpoint["relabelings"]


def test_only_prometheus_gets_to_the_hub_from_another_namespace(monitored: Objects) -> None:
    policy = monitored["NetworkPolicy", "coursehub-metrics"]["spec"]
    pod = monitored["Deployment", "hub"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= pod.items()
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"from": FROM, "ports": [{"port": 8081, "protocol": "TCP"}]}]


def test_another_base_address_is_where_prometheus_and_the_test_go(chart: Chart) -> None:
    objects = chart.render(merged(EVERYTHING, at("jupyterhub.hub.baseUrl", "/jupyter/")))
    (endpoint,) = objects["ServiceMonitor", "coursehub-hub"]["spec"]["endpoints"]
    assert endpoint["path"] == "/jupyter/hub/metrics"
    (container,) = objects["Pod", "coursehub-spawn-test"]["spec"]["containers"]
    assert {"--hub=http://hub:8081/jupyter/hub", "--proxy=http://proxy-public/jupyter"} < set(container["args"])


def test_the_rules_are_the_files_that_promtool_reads(monitored: Objects) -> None:
    rule = monitored["PrometheusRule", "coursehub"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert rule["spec"] == FILE


def _alerts() -> list[dict[str, Any]]:
    return [rule for group in FILE["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("alert", _alerts(), ids=lambda each: each["alert"])
def test_an_alert_says_how_bad_it_is_and_leads_to_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    # tests/unit/docs/test_pointers.py holds that there is this heading.
    assert alert["annotations"]["runbook"] == f"docs/admins/monitoring.md#{alert['alert'].lower()}"
    assert len(alert["annotations"]["summary"]) > 40


def test_the_dashboard_is_what_grafanas_sidecar_loads(monitored: Objects) -> None:
    found = monitored["ConfigMap", "coursehub-dashboard"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["coursehub.json"])["uid"] == "coursehub"


def container(objects: Objects) -> Object:
    (found,) = objects["Pod", "coursehub-spawn-test"]["spec"]["containers"]
    return dict(found)


def test_the_cronjob_and_helm_test_run_the_same_one_at_a_time(monitored: Objects) -> None:
    job, pod = monitored["CronJob", "coursehub-spawn-test"]["spec"], monitored["Pod", "coursehub-spawn-test"]
    assert job["jobTemplate"]["spec"]["template"]["spec"] == pod["spec"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert (job["schedule"], job["timeZone"], job["concurrencyPolicy"]) == ("*/30 * * * *", "UTC", "Forbid")
    assert job["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_the_test_has_no_rights_but_its_services_about_one_person(monitored: Objects) -> None:
    pod = monitored["Pod", "coursehub-spawn-test"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container(monitored)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (source,) = next(each["projected"]["sources"] for each in pod["volumes"])
    (item,) = source["secret"]["items"]
    assert item["key"] in monitored["Secret", "hub"]["data"]
    role = hub_values(monitored)["hub"]["loadRoles"]["coursehub-spawn-test"]
    assert role["services"] == ["coursehub-spawn-test"]
    assert {scope.partition("!")[2] for scope in role["scopes"]} == {"group=coursehub-spawn-test"}


def test_the_test_reaches_hub_and_proxy_alone_unless_browsers_open_another_address(
    chart: Chart, monitored: Objects
) -> None:
    within = monitored["NetworkPolicy", "coursehub-spawn-test"]["spec"]
    assert within["ingress"] == []
    reached = [
        (to["podSelector"]["matchLabels"]["component"], rule["ports"][0]["port"])
        for rule in within["egress"]
        for to in rule["to"]
        if "podSelector" in to
    ]
    assert reached == [("hub", 8081), ("proxy", 8000)]
    elsewhere = chart.render(merged(EVERYTHING, at("monitoring.spawnTest.url", "https://jupyter.example.edu")))
    assert elsewhere["NetworkPolicy", "coursehub-spawn-test"]["spec"]["egress"] == [{}]


def test_upstreams_policies_let_the_test_through_to_hub_and_proxy(monitored: Objects) -> None:
    labels = monitored["Pod", "coursehub-spawn-test"]["metadata"]["labels"]
    job = monitored["CronJob", "coursehub-spawn-test"]["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    for each in (labels, job):
        assert each["hub.jupyter.org/network-access-hub"] == "true"
        assert each["hub.jupyter.org/network-access-proxy-http"] == "true"


def test_the_test_runs_the_hubs_image(chart: Chart) -> None:
    hub = {"image": {"pullPolicy": "Never", "pullSecrets": ["one"]}, "nodeSelector": {"kind": "core"}}
    objects = chart.render(merged(TRYING, at("jupyterhub.hub", hub)))
    pod, theirs = objects["Pod", "coursehub-spawn-test"]["spec"], pod_spec(objects, "hub")
    assert (pod["imagePullSecrets"], pod["nodeSelector"]) == (theirs["imagePullSecrets"], theirs["nodeSelector"])
    assert container(objects)["image"] == theirs["containers"][0]["image"]


def test_the_hub_knows_as_whom_servers_are_tried(chart: Chart, monitored: Objects) -> None:
    assert site_values(monitored)["spawnTest"] == {"person": "spawntest"}
    assert "spawnTest" not in site_values(chart.render())


def test_the_test_goes_where_browsers_go(chart: Chart) -> None:
    objects = chart.render(merged(TRYING, at("monitoring.spawnTest.url", "https://jupyter.example.edu")))
    assert "--proxy=https://jupyter.example.edu" in container(objects)["args"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(
            at("monitoring.serviceMonitor.enabled", True),
            "- monitoring.from: none is given, and the hub takes nothing from other namespaces; write where",
            id="nowhere to scrape from",
        ),
        pytest.param(
            at("monitoring.spawnTest.enabled", True),
            "- monitoring.spawnTest.person: spawntest is not in identity.file.people",
            id="nobody to test as",
        ),
        pytest.param(
            merged(
                TRYING, at("jupyterhub.proxy.https", {"enabled": True, "type": "secret", "secret": {"name": "tls"}})
            ),
            "- monitoring.spawnTest.url: none is given, and the proxy has https of its own; write the address",
            id="https within the cluster",
        ),
        pytest.param(
            merged(TRYING, at("identity.provider", "authState")),
            "- monitoring.spawnTest.enabled: with identity.provider authState only a login says who somebody is",
            id="nobody logs in",
        ),
        pytest.param(at("monitoring.spawnTest.schedule", "hourly"), "monitoring/spawnTest/schedule", id="no schedule"),
        pytest.param(at("monitoring.serviceMonitor.interval", "soon"), "serviceMonitor/interval", id="no interval"),
        pytest.param(at("monitoring.spawnTest.url", "https://a/"), "monitoring/spawnTest/url", id="a slash too many"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(chart: Chart, values: Values, said: str) -> None:
    assert said in chart.refusal(values)


def test_the_notes_say_how_to_try_a_server_out(chart: Chart) -> None:
    assert "Servers are tried out as" in chart.notes(TRYING)
    assert "Servers are tried out" not in chart.notes()
