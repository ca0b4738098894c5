"""What whoever installs has to be allowed: to make, change and remove what the chart makes; asked of the API itself."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coursehub.cli.report import Line
from coursehub.cli.values import Values, at

from . import namespaces

_VERBS = ("create", "patch", "delete")
_WHAT = "rights"
# Of the release's namespace, whatever the values; upstream's chart makes most of it. Whoever makes a Role has to have
# what is in it: the hub's own is about pods, claims, Secrets, Services and events.
_NAMESPACED = (
    ("", "configmaps"),
    ("", "persistentvolumeclaims"),
    ("", "pods"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
)
_STORAGE = (
    ("", "persistentvolumeclaims"),
    ("", "secrets"),
    ("", "services"),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
)
_NO_VOLUME = (
    "have somebody who may make the volume and a claim coursehub-storage in the release's namespace, and write "
    "storage.existingClaim: coursehub-storage in the place of storage.nfs"
)
_NO_CLASS = "have somebody who may make the PriorityClass that hub.extraPodSpec names, and write corePriority: null"
_NO_PLACEHOLDERS = (
    "have somebody who may make the PriorityClass of placeholders (docs/admins/sizing.md), and write "
    "classes.priorityClass: false; without it no room is kept for classes"
)
_NO_NAMESPACE = (
    "turn storage.provisioner.enabled and storage.check.schedule off, and take the provisioner on the storage host "
    "(storage.provisioner.url) or the ssh door"
)
_NO_MONITORING = "turn monitoring.serviceMonitor and monitoring.rules off, or have somebody who may let you make them"


@dataclass(frozen=True)
class Right:
    """To make one kind of object; `namespace` is empty where it has none. `otherwise`: what to do without."""

    group: str
    resource: str
    namespace: str
    otherwise: str


def wanted(values: Values, namespace: str) -> Iterator[Right]:
    """The rights that an install with these values takes."""
    storage, jupyterhub = at(values, "storage"), at(values, "jupyterhub")
    if not storage.get("existingClaim"):
        yield Right("", "persistentvolumes", "", _NO_VOLUME)
    if "corePriority" in values and at(jupyterhub, "hub.extraPodSpec").get("priorityClassName"):
        yield Right("scheduling.k8s.io", "priorityclasses", "", _NO_CLASS)
    if at(values, "classes").get("priorityClass"):
        yield Right("scheduling.k8s.io", "priorityclasses", "", _NO_PLACEHOLDERS)
    ask = f"ask for the ClusterRole admin in {namespace}"
    scheduled = at(values, "monitoring.spawnTest").get("enabled")
    for group, resource in (*_NAMESPACED, *([("batch", "cronjobs")] if scheduled else [])):
        yield Right(group, resource, namespace, ask)
    service, check = at(storage, "provisioner").get("enabled"), at(storage, "check").get("schedule")
    if service or check:
        yield Right("", "namespaces", "", _NO_NAMESPACE)
        for group, resource in (*_STORAGE, *([("batch", "cronjobs"), ("", "serviceaccounts")] if check else [])):
            yield Right(group, resource, namespaces.storage(namespace), _NO_NAMESPACE)
    for part, resource in (("serviceMonitor", "servicemonitors"), ("rules", "prometheusrules")):
        if at(values, f"monitoring.{part}").get("enabled"):
            yield Right("monitoring.coreos.com", resource, namespace, _NO_MONITORING)


def reviews(rights: Iterable[Right]) -> list[Mapping[str, Any]]:
    """The questions to the API."""
    return [_review(right, verb) for right in rights for verb in _VERBS]


def _review(right: Right, verb: str) -> Mapping[str, Any]:
    attributes = {"group": right.group, "resource": right.resource, "verb": verb}
    if right.namespace:
        attributes["namespace"] = right.namespace
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


def answers(printed: str) -> list[Mapping[str, Any]]:
    """The API's answers, which kubectl prints one after another."""
    decoder, found, rest = json.JSONDecoder(), [], printed.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        found.append(answer)
        rest = rest[end:].strip()
    return found


def lines(rights: Sequence[Right], given: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    """What is missing, with what to do without it; one line where nothing is."""
    allowed = {_key(each["spec"]["resourceAttributes"]) for each in given if each["status"].get("allowed")}
    missing: dict[str, dict[tuple[str, str], list[str]]] = {}
    for right in rights:
        verbs = [verb for verb in _VERBS if (right.group, right.resource, right.namespace, verb) not in allowed]
        if verbs:
            place = f" in {right.namespace}" if right.namespace else ""
            alike = missing.setdefault(right.otherwise, {}).setdefault((", ".join(verbs), place), [])
            alike.append(f"{right.resource}.{right.group}".rstrip("."))
    for otherwise, by_verbs in missing.items():
        what = "; ".join(f"{verbs}{place}: {', '.join(names)}" for (verbs, place), names in by_verbs.items())
        yield Line(_WHAT, f"this account may not {what}", otherwise)
    if not missing:
        yield Line(_WHAT, "this account may make, change and remove all that the chart makes")


def _key(attributes: Mapping[str, str]) -> tuple[str, str, str, str]:
    get = attributes.get
    return get("group", ""), get("resource", ""), get("namespace", ""), get("verb", "")
