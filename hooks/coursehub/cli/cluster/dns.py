"""Where the cluster's DNS is, and whether `network.dns` opens it to servers: by address, or by labels, and by port."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line

_NAMESPACE = "kubernetes.io/metadata.name"
_PORT = 53
_WHAT = "DNS"


@dataclass(frozen=True)
class Place:
    """One place that answers for names, and the pod behind it, if it is one."""

    address: str
    port: int
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """What pods ask: a Service, or a cache on each node."""

    name: str
    places: tuple[Place, ...]


def servers(
    services: Iterable[Object], slices: Sequence[Object], pods: Iterable[Object], daemonsets: Iterable[Object]
) -> Iterator[Server]:
    """Whoever answers in this cluster, by the names and labels that Kubernetes' own and OpenShift's DNS have."""
    labels = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod["metadata"].get("labels") for pod in pods}
    for service in services:
        if _is_dns(service):
            metadata = service["metadata"]
            name = f"{metadata['namespace']}/{metadata['name']}"
            yield Server(name, tuple(_places(service, slices, labels)))
    for daemonset in daemonsets:
        if daemonset["metadata"]["name"] == "node-local-dns":
            name = f"{daemonset['metadata']['namespace']}/node-local-dns"
            yield Server(name, tuple(Place(address, _PORT) for address in _local(daemonset)))


def namespaces(services: Iterable[Object], dns: Mapping[str, Any]) -> set[str]:
    """Where the labels of pods count for `network.dns`; mostly nowhere."""
    selects = any(peer.get("podSelector") for entry in dns.values() if entry for peer in entry.get("to", ()))
    return {service["metadata"]["namespace"] for service in services if _is_dns(service)} if selects else set()


def line(found: Sequence[Server], dns: Mapping[str, Any], namespace: str, namespaces: Iterable[Object]) -> Line:
    """Of those that answer and of the site's `network.dns`, for servers in `namespace`."""
    known = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in namespaces}
    if not found:
        message = "no Service kube-dns, and nothing else of DNS that is known here"
        todo = "write the address that /etc/resolv.conf of a pod names into network.dns (docs/network.md, DNS)"
        return Line(_WHAT, message, todo)
    if dead := [server.name for server in found if not server.places]:
        return Line(_WHAT, f"nothing answers behind {' and '.join(dead)}", "see to the cluster's DNS")
    entries = [entry for entry in dns.values() if entry]
    closed = [
        place
        for server in found
        for place in server.places
        if not any(_opens(entry, place, namespace, known) for entry in entries)
    ]
    names = " and ".join(server.name for server in found)
    if closed:
        places = " and ".join(sorted({f"{place.address}:{place.port}" for place in closed}))
        entry = json.dumps(_entry(closed))
        return Line(_WHAT, f"{names}: network.dns does not open {places}", f"write network.dns.service: {entry}")
    count = sum(len(server.places) for server in found)
    return Line(_WHAT, f"{names}: network.dns opens {'it' if count == 1 else f'all {count} places'}")


def _is_dns(service: Object) -> bool:
    labels = service["metadata"].get("labels") or {}
    ours = (
        labels.get("k8s-app") in ("kube-dns", "coredns")
        or "dns.operator.openshift.io/owning-dns" in labels
        or service["metadata"]["name"] == "kube-dns"
    )
    return ours and any(port["port"] == _PORT for port in service["spec"].get("ports") or ())


def _places(
    service: Object, slices: Iterable[Object], labels: Mapping[tuple[str, str], Mapping[str, str] | None]
) -> Iterator[Place]:
    metadata = service["metadata"]
    names = {port.get("name") for port in service["spec"]["ports"] if port["port"] == _PORT}
    for each in slices:
        own = each["metadata"].get("labels", {}).get("kubernetes.io/service-name") == metadata["name"]
        if not own or each["metadata"]["namespace"] != metadata["namespace"]:
            continue
        ports = {port["port"] for port in each.get("ports") or () if (port.get("name") or None) in names}
        for endpoint in each.get("endpoints") or ():
            if endpoint.get("conditions", {}).get("ready") is False:
                continue
            target = endpoint.get("targetRef") or {}
            pod = (str(target.get("namespace")), str(target.get("name")))
            place = pod[0] if target.get("kind") == "Pod" else None
            for address in endpoint["addresses"]:
                yield from (Place(address, port, place, labels.get(pod) or {}) for port in sorted(ports))


def _local(daemonset: Object) -> Iterator[str]:
    for container in daemonset["spec"]["template"]["spec"]["containers"]:
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        for word, following in zip(words, [*words[1:], ""], strict=True):
            option, _, value = word.lstrip("-").partition("=")
            if option == "localip":
                yield from (value or following).split(",")


def _opens(entry: Mapping[str, Any], place: Place, namespace: str, known: Mapping[str, Mapping[str, str]]) -> bool:
    if place.port not in entry.get("ports", ()):
        return False
    return any(_reaches(peer, place, namespace, known) for peer in entry.get("to", ()))


def _reaches(peer: Mapping[str, Any], place: Place, namespace: str, known: Mapping[str, Mapping[str, str]]) -> bool:
    if block := peer.get("ipBlock"):
        address = ip_address(place.address)
        inside = address in ip_network(block["cidr"])
        return inside and not any(address in ip_network(each) for each in block.get("except") or ())
    if place.namespace is None:
        return False
    if (selector := peer.get("namespaceSelector")) is None:
        there = place.namespace == namespace
    else:
        there = _selects(selector, {_NAMESPACE: place.namespace, **known.get(place.namespace, {})})
    return there and _selects(peer.get("podSelector") or {}, place.labels)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    # No other operator renders.
    return (selector.get("matchLabels") or {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions") or ()
    )


def _entry(closed: Iterable[Place]) -> Mapping[str, Any]:
    peers: dict[str, Any] = {}
    for place in closed:
        if place.namespace is None:
            width = ip_address(place.address).max_prefixlen
            peer: Mapping[str, Any] = {"ipBlock": {"cidr": f"{place.address}/{width}"}}
        else:
            peer = {"namespaceSelector": {"matchLabels": {_NAMESPACE: place.namespace}}}
        peers[json.dumps(peer)] = peer
    return {"to": list(peers.values()), "ports": sorted({place.port for place in closed})}
