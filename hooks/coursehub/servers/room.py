"""Which servers nodes have room for, by what pods ask for and where they may run, as Kubernetes' scheduler reckons.

Pods and nodes are as the API has them. Counted are what is asked for, the number of pods, node selectors, the node
affinity that is required, and taints.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

Object = Mapping[str, Any]
Amounts = dict[str, Fraction]

_PODS = "pods"
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_UNITS = {
    **{unit: Fraction(1000) ** (number - 3) for number, unit in enumerate("num")},
    **{unit: Fraction(1000) ** (number + 1) for number, unit in enumerate("kMGTPE")},
    **{f"{unit}i": Fraction(1024) ** (number + 1) for number, unit in enumerate("KMGTPE")},
}


def quantity(written: object) -> Fraction:
    """An amount of something as Kubernetes writes it, such as 100m or 512Mi; raises ValueError."""
    found = _QUANTITY.fullmatch(str(written))
    if found is None:
        raise ValueError(f"{written!r} is no quantity")
    return Fraction(found[1]) * Fraction(10) ** int(found[2] or 0) * _UNITS.get(found[3], 1)


def missing(nodes: Sequence[Object], pods: Iterable[Object], wanted: Sequence[tuple[Object, int]]) -> list[int]:
    """How many of each pod have no room beside `pods`; `wanted` has a pod and how many there shall be.

    What fewest nodes take is given room first.
    """
    free = {
        node["metadata"]["name"]: _amounts(node["status"].get("allocatable"))
        for node in nodes
        if not node["spec"].get("unschedulable")
    }
    for pod in pods:
        on = free.get(pod["spec"].get("nodeName", ""))
        if on is not None and not ended(pod):
            _take(on, asks(pod), 1)
    places = [
        [name for node in nodes if (name := node["metadata"]["name"]) in free and admits(node, pod)]
        for pod, _ in wanted
    ]
    left = [count for _, count in wanted]
    for index in sorted(range(len(wanted)), key=lambda each: len(places[each])):
        asked = asks(wanted[index][0])
        for name in places[index]:
            here = min(left[index], _fit(free[name], asked))
            _take(free[name], asked, here)
            left[index] -= here
    return left


def ended(pod: Object) -> bool:
    """Whether nothing of it runs, or will."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def asks(pod: Object) -> Amounts:
    """What is kept free for the pod on its node; where it asks for nothing, its limit is."""
    spec = pod["spec"]
    steps: list[Object] = []
    beside = list(spec["containers"])
    for container in spec.get("initContainers") or ():
        (beside if container.get("restartPolicy") == "Always" else steps).append(container)
    together: Amounts = {}
    for container in beside:
        _take(together, _asks(container), -1)
    for asked in map(_asks, steps):
        together |= {resource: max(amount, together.get(resource, amount)) for resource, amount in asked.items()}
    _take(together, _amounts(spec.get("overhead")), -1)
    return {**together, _PODS: Fraction(1)}


def admits(node: Object, pod: Object) -> bool:
    """Whether the node's labels and taints let the pod run there, if there is room."""
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    near = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (near.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    if terms is not None and not any(_meets(labels, term) for term in terms):
        return False
    tolerations = spec.get("tolerations") or ()
    taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] != "PreferNoSchedule"]
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)


def _take(free: Amounts, asked: Amounts, times: int) -> None:
    for resource, amount in asked.items():
        free[resource] = free.get(resource, Fraction(0)) - amount * times


def _fit(free: Amounts, asked: Amounts) -> int:
    fits = (free.get(resource, 0) // amount for resource, amount in asked.items() if amount > 0)
    return max(0, min(fits))


def _asks(container: Object) -> Amounts:
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(written: Object | None) -> Amounts:
    return {resource: quantity(amount) for resource, amount in (written or {}).items()}


def _meets(labels: Mapping[str, str], term: Object) -> bool:
    expressions = term.get("matchExpressions") or ()
    # A term by fields names single nodes, which no site does for servers.
    return bool(expressions) and all(_expression(labels, each) for each in expressions)


def _expression(labels: Mapping[str, str], wanted: Object) -> bool:
    value, values = labels.get(wanted["key"]), list(wanted.get("values") or [])
    match wanted["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    try:
        return int(value or "") > int(values[0]) if wanted["operator"] == "Gt" else int(value or "") < int(values[0])
    except ValueError:
        return False


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and (toleration.get("value") or "") == (taint.get("value") or "")
