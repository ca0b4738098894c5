"""Whoever answers for names in a cluster is found, and held against `network.dns` by address, labels and port."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from coursehub.cli import values
from coursehub.cli.cluster import dns

DEFAULT = dict(values.at(values.of([]), "network.dns"))


def service(namespace: str, name: str, labels: dict[str, str] | None = None, port: int = 53) -> Any:
    """As the API has it."""
    ports = [{"name": "dns", "port": port, "protocol": "UDP"}, {"name": "dns-tcp", "port": port, "protocol": "TCP"}]
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels or {}}, "spec": {"ports": ports}}


def endpoints(namespace: str, name: str, *addresses: str, port: int = 53, pods: bool = True, ready: bool = True) -> Any:
    """The EndpointSlice of a Service; behind each address is a pod, or nothing of Kubernetes."""
    labels = {"kubernetes.io/service-name": name}
    found = [
        {
            "addresses": [address],
            "conditions": {"ready": ready},
            **({"targetRef": {"kind": "Pod", "namespace": namespace, "name": f"{name}-{address}"}} if pods else {}),
        }
        for address in addresses
    ]
    ports = [{"name": each, "port": port, "protocol": "UDP"} for each in ("dns", "dns-tcp")]
    ports.append({"name": "metrics", "port": 9153, "protocol": "TCP"})
    return {"metadata": {"namespace": namespace, "labels": labels}, "endpoints": found, "ports": ports}


def pod(namespace: str, name: str, **labels: str) -> Any:
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels}}


def cache(*words: str) -> Any:
    """NodeLocal DNSCache, started with these words."""
    containers = [{"name": "node-cache", "args": list(words)}]
    metadata = {"namespace": "kube-system", "name": "node-local-dns"}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


COREDNS = service("kube-system", "kube-dns", {"k8s-app": "kube-dns"})
BEHIND = endpoints("kube-system", "kube-dns", "10.244.0.2", "10.244.0.3")


def line(
    services: Sequence[Any],
    slices: Sequence[Any],
    opened: Any = None,
    pods: Sequence[Any] = (),
    nodes: Sequence[Any] = (),
) -> Any:
    found = list(dns.servers(services, slices, pods, nodes))
    spaces = [{"metadata": {"name": "kube-system", "labels": {"tier": "system"}}}]
    return dns.line(found, DEFAULT if opened is None else opened, "teaching", spaces)


@pytest.mark.parametrize(
    ("services", "slices"),
    [
        pytest.param([COREDNS], [BEHIND], id="kubeadm"),
        pytest.param(
            [service("kube-system", "rke2-coredns-rke2-coredns", {"k8s-app": "kube-dns"})],
            [endpoints("kube-system", "rke2-coredns-rke2-coredns", "10.42.0.7")],
            id="RKE2",
        ),
        pytest.param(
            [service("openshift-dns", "dns-default", {"dns.operator.openshift.io/owning-dns": "default"})],
            [endpoints("openshift-dns", "dns-default", "10.128.0.9", port=5353)],
            id="OpenShift",
        ),
        pytest.param([COREDNS], [endpoints("kube-system", "kube-dns", "100.64.0.9", port=8053)], id="Gardener"),
    ],
)
def test_the_defaults_open_the_dns_of_well_known_clusters(services: Any, slices: Any) -> None:
    found = line(services, slices)
    assert found.todo is None
    assert services[0]["metadata"]["name"] in found.message


@pytest.mark.parametrize(
    ("slices", "entry"),
    [
        pytest.param(
            [endpoints("kube-system", "kube-dns", "10.244.0.2", port=10053)],
            {
                "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
                "ports": [10053],
            },
            id="another port",
        ),
        pytest.param(
            [endpoints("kube-system", "kube-dns", "192.0.2.53", pods=False)],
            {"to": [{"ipBlock": {"cidr": "192.0.2.53/32"}}], "ports": [53]},
            id="no pod",
        ),
        pytest.param(
            [endpoints("kube-system", "kube-dns", "2001:db8::53", pods=False)],
            {"to": [{"ipBlock": {"cidr": "2001:db8::53/128"}}], "ports": [53]},
            id="IPv6",
        ),
    ],
)
def test_what_is_closed_is_said_with_the_entry_that_opens_it(slices: Any, entry: Any) -> None:
    closed = line([COREDNS], slices)
    assert closed.todo.startswith("write network.dns.service: ")
    written = json.loads(closed.todo.partition(": ")[2])
    assert written == entry
    assert line([COREDNS], slices, {**DEFAULT, "service": written}).todo is None


@pytest.mark.parametrize(
    ("peer", "is_open"),
    [
        ({"namespaceSelector": {"matchLabels": {"tier": "system"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"tier": "user"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"tier": "system"}}, "podSelector": {"matchLabels": {"a": "b"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"tier": "system"}}, "podSelector": {"matchLabels": {"a": "c"}}}, False),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["x", "system"]}]}},
            True,
        ),
        ({"podSelector": {"matchLabels": {"a": "b"}}}, False),
        ({"ipBlock": {"cidr": "10.244.0.0/30"}}, True),
        ({"ipBlock": {"cidr": "10.244.0.0/30", "except": ["10.244.0.2/32"]}}, False),
    ],
)
def test_a_peer_counts_as_a_network_policy_has_it(peer: Any, is_open: bool) -> None:
    slices = [endpoints("kube-system", "kube-dns", "10.244.0.2")]
    pods = [pod("kube-system", "kube-dns-10.244.0.2", a="b")]
    found = line([COREDNS], slices, {"one": {"to": [peer], "ports": [53]}}, pods)
    assert (found.todo is None) == is_open


def test_labels_of_pods_are_asked_for_where_they_count() -> None:
    other = service("monitoring", "grafana")
    assert dns.namespaces([COREDNS, other], DEFAULT) == set()
    narrow = {"one": {"to": [{"podSelector": {"matchLabels": {"a": "b"}}}], "ports": [53]}, "two": None}
    assert dns.namespaces([COREDNS, other], narrow) == {"kube-system"}


@pytest.mark.parametrize("words", [("-localip", "169.254.20.10"), ("--localip=169.254.20.10",)])
def test_a_cache_on_each_node_is_opened_at_its_usual_address(words: tuple[str, ...]) -> None:
    assert line([COREDNS], [BEHIND], nodes=[cache(*words)]).todo is None


def test_one_that_answers_at_the_services_address_too_needs_an_entry() -> None:
    found = line([COREDNS], [BEHIND], nodes=[cache("-localip", "169.254.20.10,10.96.0.10", "-conf", "/etc/Corefile")])
    assert '{"ipBlock": {"cidr": "10.96.0.10/32"}}' in found.todo


def test_a_service_behind_which_nothing_is_ready_is_dead() -> None:
    found = line([COREDNS], [endpoints("kube-system", "kube-dns", "10.244.0.2", ready=False)])
    assert found.message == "nothing answers behind kube-system/kube-dns"


def test_a_cluster_with_another_dns_says_where_to_look() -> None:
    found = line([service("kube-system", "metrics-server", port=443)], [])
    assert "/etc/resolv.conf" in found.todo
