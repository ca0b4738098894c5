"""NetworkPolicies added up as network plugins do: what one pod reaches of another, or of an address."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chart.helm import Objects

Rule = dict[str, Any]
METADATA = "169.254.169.254"


@dataclass(frozen=True)
class Pod:
    """A pod as policies see it."""

    labels: Mapping[str, str]
    namespace: str = "teaching"
    ports: Mapping[str, int] = field(default_factory=dict)


def server(role: str, **more: str) -> Pod:
    """A server's pod, as the hub makes it."""
    names = {"app": "jupyterhub", "component": "singleuser-server", "release": "coursehub"}
    known = {f"app.kubernetes.io/{key}": value for key, value in (("name", "jupyterhub"), ("instance", "coursehub"))}
    own = {"coursehub/role": role, "hub.jupyter.org/network-access-hub": "true"}
    labels = {**names, **known, "app.kubernetes.io/component": "singleuser-server", **own, **more}
    return Pod(labels, ports={"notebook-port": 8888})


def pod(objects: Objects, kind: str, name: str) -> Pod:
    """A pod of the chart, by what makes it."""
    each = objects[kind, name]
    while "template" in each["spec"] or "jobTemplate" in each["spec"]:
        each = each["spec"].get("template") or each["spec"]["jobTemplate"]
    named = [port for container in each["spec"]["containers"] for port in container.get("ports", ())]
    ports = {port["name"]: port["containerPort"] for port in named}
    return Pod(each["metadata"]["labels"], name.rpartition("/")[0] or "teaching", ports)


def reaches(objects: Objects, source: Pod, target: Pod | str, port: int, protocol: str = "TCP") -> bool:
    """Whether the policies let `source` connect to a port of a pod or of an address."""
    way = (target, port, protocol)
    out = all_of(objects, source, "Egress")
    if out is not None and not any(_opens(rule, rule.get("to"), target, *way) for rule in out):
        return False
    into = all_of(objects, target, "Ingress") if isinstance(target, Pod) else None
    return into is None or any(_opens(rule, rule.get("from"), source, *way) for rule in into)


def all_of(objects: Objects, pod: Pod, direction: str) -> list[Rule] | None:
    """The rules of all policies that hold `pod` in `direction`; None where none does, so that all is open."""
    held = list(_holding(objects, pod, direction))
    rules = [{**rule, "namespace": pod.namespace} for each in held for rule in each.get(direction.lower()) or ()]
    return rules if held else None


def _holding(objects: Objects, pod: Pod, direction: str) -> Iterator[dict[str, Any]]:
    for (kind, name), each in objects.items():
        if kind == "NetworkPolicy" and (name.rpartition("/")[0] or "teaching") == pod.namespace:
            spec = each["spec"]
            if direction in spec["policyTypes"] and _selects(spec["podSelector"], pod.labels):
                yield spec


def _opens(rule: Rule, peers: Any, other: Pod | str, target: Pod | str, port: int, protocol: str) -> bool:
    # Kubernetes takes an empty list for everything, as it takes none.
    here = not peers or any(_is_peer(peer, other, rule["namespace"]) for peer in peers)
    named = target.ports if isinstance(target, Pod) else {}
    return here and (not rule.get("ports") or any(_is_port(each, port, protocol, named) for each in rule["ports"]))


def _is_peer(peer: dict[str, Any], other: Pod | str, namespace: str) -> bool:
    if isinstance(other, str):
        return "ipBlock" in peer and _in_block(peer["ipBlock"], other)
    if "ipBlock" in peer:
        return False
    spaces = {"kubernetes.io/metadata.name": other.namespace}
    near = _selects(peer["namespaceSelector"], spaces) if "namespaceSelector" in peer else other.namespace == namespace
    return near and _selects(peer.get("podSelector", {}), other.labels)


def _in_block(block: dict[str, Any], address: str) -> bool:
    inside = [ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in block.get("except", ())]
    return ipaddress.ip_address(address) in ipaddress.ip_network(block["cidr"]) and not any(inside)


def _is_port(each: dict[str, Any], port: int, protocol: str, named: Mapping[str, int]) -> bool:
    if each.get("protocol", "TCP") != protocol:
        return False
    first = each.get("port", port)
    first = named.get(first, 0) if isinstance(first, str) else first
    return bool(first <= port <= each.get("endPort", first))


def _selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    fits = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    for expression in selector.get("matchExpressions", ()):
        held = labels.get(expression["key"]) in expression["values"]
        fits &= {"In": held, "NotIn": not held}[expression["operator"]]
    return fits
