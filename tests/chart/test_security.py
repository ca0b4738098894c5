"""What zero-to-jupyterhub's security page asks for, as it is rendered; docs/security.md names these tests."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.given import CERTIFICATE
from tests.chart.helm import SITE, Chart, Objects, Values, at, hub_values, merged, pod_spec
from tests.chart.policies import METADATA, reaches, server

ROLES = ("general", "student", "instructor", "grading")
# As the role of upstream's hub has them.
HUB_MAY = [
    {
        "apiGroups": [""],
        "resources": ["pods", "persistentvolumeclaims", "secrets", "services"],
        "verbs": ["get", "watch", "list", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "watch", "list"]},
]


# Pods of ours that ask the hub.
SERVICES = ("coursehub-culler", "coursehub-spawn-test")


def all_of_it() -> Values:
    """Of a site with a certificate, the provisioner, the nightly check and all of monitoring."""
    storage = {"provisioner": {"enabled": True}, "check": {"schedule": "@daily", "repair": True}}
    monitoring = {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "serviceMonitor": {"enabled": True},
        "rules": {"enabled": True},
        "dashboard": {"enabled": True},
        "spawnTest": {"enabled": True, "url": "https://jupyter.example.edu"},
    }
    people = {"file": {"people": {"spawntest": {"uid": 20031, "gid": 20031}}}}
    ours = {"acknowledgePlainHttp": False, "storage": storage, "monitoring": monitoring, "identity": people}
    return merged(ours, CERTIFICATE)


@pytest.fixture(scope="module")
def everything(chart: Chart) -> Objects:
    """The objects of that site."""
    return chart.render(all_of_it())


def pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the template of each pod that the chart itself has made."""
    for (kind, name), each in objects.items():
        if kind in ("Deployment", "DaemonSet", "StatefulSet", "Job"):
            yield name, each["spec"]["template"]
        elif kind == "CronJob":
            yield name, each["spec"]["jobTemplate"]["spec"]["template"]


IDS = {"runAsUser", "runAsGroup", "fsGroup"}
OF_NOBODY = {
    "coursehub-culler": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
    "coursehub-network-test-grading": {"runAsUser": 65534, "runAsGroup": 65534},
    "coursehub-network-test-student": {"runAsUser": 65534, "runAsGroup": 65534},
    "coursehub-spawn-test": {"runAsUser": 65534, "runAsGroup": 65534, "fsGroup": 65534},
    "teaching-storage/coursehub-check, files": {"runAsUser": 65534, "runAsGroup": 65534},
}


def nobodys_ids(objects: Objects) -> dict[str, dict[str, int]]:
    """By the names of pods, and of containers that say it themselves, each of ours that says that it is not root."""
    found = {}
    ours = {name: each["spec"] for (kind, name), each in objects.items() if kind == "Pod"}
    ours |= {name: pod["spec"] for name, pod in pods(objects) if "coursehub" in name}
    for name, spec in ours.items():
        contexts = {name: spec.get("securityContext", {})}
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            contexts[f"{name}, {container['name']}"] = container["securityContext"]
        for where, context in contexts.items():
            if context.get("runAsNonRoot"):
                found[where] = {key: value for key, value in context.items() if key in IDS}
    return found


def test_each_pod_of_ours_that_is_nobody_says_its_ids_or_leaves_them_to_the_cluster(
    chart: Chart, everything: Objects
) -> None:
    assert nobodys_ids(everything) == OF_NOBODY
    left = chart.render(merged(all_of_it(), {"fixedIds": False}))
    assert nobodys_ids(left) == {name: {} for name in OF_NOBODY}


def test_what_acts_as_root_says_so_whoever_chooses_the_ids_of_the_rest(chart: Chart) -> None:
    left = dict(pods(chart.render(merged(all_of_it(), {"fixedIds": False}))))
    for name in ("coursehub-provisioner", "coursehub-check"):
        context = left[f"teaching-storage/{name}"]["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (0, 0)


def test_the_hub_may_do_what_upstreams_may_in_its_own_namespace_and_nobody_else_may_do_anything(
    everything: Objects,
) -> None:
    rights = {key: each for key, each in everything.items() if key[0] in ("Role", "ClusterRole")}
    reads = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["coursehub-site", "coursehub-courses"],
        "verbs": ["get", "list", "watch"],
    }
    assert {key: each["rules"] for key, each in rights.items()} == {
        ("Role", "hub"): HUB_MAY,
        ("Role", "coursehub-configmaps"): [reads],
        ("Role", "coursehub-hub-reads"): [
            {**reads, "resourceNames": ["coursehub-authorities", "coursehub-module"]},
            {**reads, "resources": ["secrets"], "resourceNames": ["coursehub-ldap", "coursehub-provisioner"]},
        ],
    }
    bindings = {
        (name, subject["kind"], subject["namespace"], subject["name"])
        for (kind, name), each in everything.items()
        if kind.endswith("RoleBinding")
        for subject in each["subjects"]
    }
    assert bindings == {
        ("hub", "ServiceAccount", "teaching", "hub"),
        ("coursehub-configmaps", "ServiceAccount", "teaching", "hub"),
        ("coursehub-configmaps", "ServiceAccount", "teaching-storage", "coursehub-check"),
        ("coursehub-hub-reads", "ServiceAccount", "teaching", "hub"),
    }
    accounts = {name for kind, name in everything if kind == "ServiceAccount"}
    assert accounts == {"hub", "teaching-storage/coursehub-check"}


def test_no_pod_but_the_hubs_and_the_nightly_checks_has_an_account_with_rights(everything: Objects) -> None:
    accounts = {name: each["spec"].get("serviceAccountName") for name, each in pods(everything)}
    rights = {name: account for name, account in accounts.items() if account not in (None, "default")}
    assert rights == {"hub": "hub", "teaching-storage/coursehub-check": "coursehub-check"}


def test_no_pod_of_the_chart_is_on_the_nodes_network_or_among_its_processes(everything: Objects) -> None:
    for name, each in pods(everything):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(each["spec"]), name
        for container in each["spec"]["containers"]:
            assert not any("hostPort" in port for port in container.get("ports", ())), name
            assert not container["securityContext"].get("privileged"), name


def test_n9_no_container_of_ours_writes_to_its_node_but_into_volumes_with_a_bound(everything: Objects) -> None:
    trying = [(name, each) for (kind, name), each in everything.items() if kind == "Pod"]
    ours = [(name, each["spec"]) for name, each in (*pods(everything), *trying) if "coursehub" in name]
    assert len(ours) == len(("culler", "provisioner", "check", "spawn test", "by helm", "network test", "of graders"))
    for name, spec in ours:
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["securityContext"]["readOnlyRootFilesystem"], f"{name}: {container['name']}"
    for name, each in pods(everything):
        for volume in each["spec"].get("volumes", ()):
            assert "hostPath" not in volume, name
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], f"{name}: {volume['name']}"


# Of web servers, file servers, kubelets and the API server.
PORTS = (22, 80, 111, 443, 2049, 6443, 8080, 10250)


@pytest.mark.parametrize("role", ROLES)
def test_no_server_reaches_the_clouds_metadata_but_for_names(objects: Objects, role: str) -> None:
    assert not [port for port in PORTS if reaches(objects, server(role), METADATA, port)]
    assert reaches(objects, server(role), METADATA, 53, "UDP")


@pytest.mark.parametrize("role", ROLES)
def test_a_site_can_close_the_clouds_metadata_for_names_too(chart: Chart, role: str) -> None:
    rendered = chart.render(at("network.dns.node", None))
    assert not [port for port in (*PORTS, 53) if reaches(rendered, server(role), METADATA, port)]
    assert not reaches(rendered, server(role), METADATA, 53, "UDP")


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.7.1"])
@pytest.mark.parametrize("role", ROLES)
def test_no_server_reaches_a_private_address(objects: Objects, role: str, address: str) -> None:
    """The file server's is one of them at most universities, and the cluster's own."""
    assert not [port for port in (*PORTS, 53) if reaches(objects, server(role), address, port)]


def test_a_file_server_with_a_public_address_is_closed_by_its_range(chart: Chart) -> None:
    rendered = chart.render(at("network.campus", ["203.0.113.0/29"]))
    assert not reaches(rendered, server("student"), "203.0.113.7", 2049)
    assert reaches(rendered, server("student"), "203.0.113.8", 2049)


def test_each_pod_is_held_by_a_policy_in_both_directions(everything: Objects) -> None:
    held: dict[str, set[str]] = {}
    here = [
        *((name, each["metadata"]["labels"]) for name, each in pods(everything)),
        ("server", server("student").labels),
    ]
    for name, given in here:
        namespace = name.rpartition("/")[0]
        for (kind, policy), each in everything.items():
            if kind == "NetworkPolicy" and policy.rpartition("/")[0] == namespace:
                wanted = each["spec"]["podSelector"].get("matchLabels", {})
                if wanted.items() <= given.items():
                    held.setdefault(name, set()).update(each["spec"]["policyTypes"])
    assert held == {name: {"Ingress", "Egress"} for name, _ in here}


@pytest.mark.parametrize(
    ("policy", "port", "access", "who"),
    [
        pytest.param("proxy", "api", "proxy-api", {"hub"}, id="the proxy's API"),
        pytest.param("singleuser", "notebook-port", "singleuser", {"hub", "proxy"}, id="servers"),
        pytest.param(
            "hub", "http", "hub", {"proxy", "server", "coursehub-culler", "coursehub-spawn-test"}, id="the hub"
        ),
    ],
)
def test_who_reaches_what_goes_by_a_label_that_only_these_pods_have(
    everything: Objects, policy: str, port: str, access: str, who: set[str]
) -> None:
    label = f"hub.jupyter.org/network-access-{access}"
    rules = [
        rule
        for rule in everything["NetworkPolicy", policy]["spec"]["ingress"]
        if port in {each["port"] for each in rule.get("ports", ())} or not rule.get("ports")
    ]
    assert [rule["from"] for rule in rules] == [[{"podSelector": {"matchLabels": {label: "true"}}}]]
    carried = {name: each["metadata"]["labels"] for name, each in pods(everything)} | {
        "server": server("student").labels
    }
    assert {name for name, given in carried.items() if given.get(label) == "true"} == who


def test_the_world_reaches_one_service_and_it_leads_to_the_proxys_public_ports(everything: Objects) -> None:
    services = {name: each["spec"] for (kind, name), each in everything.items() if kind == "Service"}
    public = services.pop("proxy-public")
    assert {port["targetPort"] for port in public["ports"]} == {"http", "https"}
    assert {each.get("type", "ClusterIP") for each in services.values()} == {"ClusterIP"}
    assert not any("nodePort" in port for each in services.values() for port in each["ports"])
    assert not {"Ingress", "HTTPRoute"} & {kind for kind, _ in everything}


def test_behind_an_ingress_no_port_of_a_node_is_open(chart: Chart) -> None:
    names = ["h.example.edu", "*.h.example.edu"]
    ingress = {"enabled": True, "hosts": names, "tls": [{"hosts": names}]}
    rendered = chart.render(at("jupyterhub", {"ingress": ingress, "proxy": {"service": {"type": "ClusterIP"}}}))
    types = {each["spec"].get("type", "ClusterIP") for (kind, _), each in rendered.items() if kind == "Service"}
    assert types == {"ClusterIP"}


def test_a_load_balancer_lets_in_the_sites_addresses_alone(chart: Chart) -> None:
    service = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"]}
    public = chart.render(at("jupyterhub.proxy.service", service))["Service", "proxy-public"]["spec"]
    assert public["loadBalancerSourceRanges"] == ["192.0.2.0/24"]


def test_with_a_certificate_plain_http_only_leads_to_https(everything: Objects) -> None:
    (proxy,) = pod_spec(everything, "proxy")["containers"]
    assert {"--port=8443", "--redirect-port=8000", "--redirect-to=443"} <= set(proxy["command"])


def test_no_secret_is_anywhere_but_in_a_secret(everything: Objects) -> None:
    config = SITE["jupyterhub"]["hub"]["config"]
    secrets = [
        config["ConfigurableHTTPProxy"]["auth_token"],
        config["JupyterHub"]["cookie_secret"],
        *config["CryptKeeper"]["keys"],
        base64.b64decode(everything["Secret", "coursehub-provisioner"]["data"]["token"]).decode(),
    ]
    shown = json.dumps([each for (kind, _), each in everything.items() if kind != "Secret"])
    for secret in secrets:
        assert len(secret) >= 32
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown


@pytest.mark.parametrize("deployment", ["hub", "proxy"])
def test_hub_and_proxy_take_the_proxys_token_from_the_secret(everything: Objects, deployment: str) -> None:
    (container,) = pod_spec(everything, deployment)["containers"]
    token = next(each for each in container["env"] if each["name"] == "CONFIGPROXY_AUTH_TOKEN")
    reference = {"name": "hub", "key": "hub.config.ConfigurableHTTPProxy.auth_token"}
    assert token["valueFrom"] == {"secretKeyRef": reference}
    assert "value" not in token


OFFLOADED = {"enabled": True, "type": "offload"}
ORIGIN = "jupyterhub.hub.config.JupyterHub.subdomain_host"


def test_servers_have_addresses_of_their_own_unless_a_site_acknowledges_one_for_all(chart: Chart) -> None:
    """W9"""
    said = chart.refusal(at(ORIGIN, ""))
    assert "- jupyterhub.hub.config.JupyterHub.subdomain_host: none is given, so all servers share the hub's" in said
    assert "whoever opens a link to another's server can lose their account" in said
    assert "acknowledgeOneOrigin: true" in said
    chart.render(merged({"acknowledgeOneOrigin": True}, at(ORIGIN, "")))
    config = hub_values(chart.render(at(ORIGIN, "https://hub.example.edu")))["hub"]["config"]
    assert config["JupyterHub"]["subdomain_host"] == "https://hub.example.edu"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(at(ORIGIN, "hub.example.edu"), f"- {ORIGIN}: hub.example.edu is not the", id="no scheme"),
        pytest.param(at(ORIGIN, "ftp://h.example.edu"), f"- {ORIGIN}: ftp://h.example.edu is not", id="another scheme"),
        pytest.param(at(ORIGIN, "https://h.edu/hub"), f"- {ORIGIN}: https://h.edu/hub is not", id="a path"),
        *(
            pytest.param(at(ORIGIN, address), f"- {ORIGIN}: {address} is not the address of a host by its name", id=why)
            for address, why in (
                ("https://h example.edu", "a space"),
                ("https://*.example.edu", "a star"),
                ("https://192.0.2.7", "an address below which nothing has a name"),
                ("https://[2001:db8::7]", "an address of IPv6"),
                ("https://h_1.example.edu", "a name that no certificate is for"),
                ("https://h.example.edu.", "a dot at the end"),
                ("https://H.example.edu", "capitals"),
                ("https://h.example.edu#x", "a fragment"),
                ("https://h.example.edu:https", "a port that is none"),
            )
        ),
        pytest.param(
            merged(
                merged({"acknowledgePlainHttp": False}, at("jupyterhub.proxy.https", OFFLOADED)),
                at(ORIGIN, "http://h.example.edu"),
            ),
            f"- {ORIGIN}: http://h.example.edu is without https, and people's browsers use https here; write https://h",
            id="http, where browsers use https",
        ),
        pytest.param(
            at("jupyterhub.ingress", {"enabled": True, "hosts": ["h.example.edu"]}),
            "- jupyterhub.ingress.hosts: *.h.example.edu is missing, and by subdomain_host servers are there; add it",
            id="an ingress for the hub alone",
        ),
        pytest.param(
            at("jupyterhub.httpRoute", {"enabled": True, "hostnames": ["*.h.example.edu"]}),
            "- jupyterhub.httpRoute.hostnames: h.example.edu is missing, and by subdomain_host the hub is there",
            id="a route for servers alone",
        ),
        pytest.param(
            at(
                "jupyterhub.proxy.https",
                {"enabled": True, "type": "letsencrypt", "letsencrypt": {"contactEmail": "a@b.c"}},
            ),
            "- jupyterhub.proxy.https.type: letsencrypt gets no certificate for *.h.example.edu, where the servers are",
            id="a certificate without a star",
        ),
    ],
)
def test_names_that_servers_need_are_asked_for(chart: Chart, values: Values, said: str) -> None:
    if chart.kind == "stand-in" and ("httpRoute" in said or "letsencrypt" in said):
        pytest.skip("the stand-in has neither")
    assert said in chart.refusal(values)
