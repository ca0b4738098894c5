"""Room on nodes, reckoned as Kubernetes' scheduler does."""

from fractions import Fraction
from typing import Any

import pytest
from coursehub.servers import room


def node(name: str, cpu: str = "4", memory: str = "8Gi", *, pods: str = "110", **more: Any) -> dict[str, Any]:
    """A node; `more` are its labels, taints and so on."""
    labels, taints = more.get("labels", {}), more.get("taints", [])
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints, "unschedulable": more.get("unschedulable", False)},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}},
    }


def pod(cpu: object = 1, memory: object = "1Gi", *, on: str | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that asks for so much, on a node if it is."""
    containers = [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]
    return {"metadata": {}, "spec": {"containers": containers, **({"nodeName": on} if on else {}), **spec}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("100m", Fraction(1, 10)), ("2", 2), (0.1, Fraction(1, 10)), ("1e3", 1000), ("1E", 10**18)),
        *(("512Mi", 512 * 2**20), ("1.5G", 1_500_000_000), ("2k", 2000), (2**30, 2**30), ("250u", Fraction(1, 4000))),
    ],
)
def test_an_amount_is_read_as_kubernetes_writes_it(written: object, meant: object) -> None:
    assert room.quantity(written) == meant


@pytest.mark.parametrize("written", ["", "much", "1 Gi", "Mi", "1mm"])
def test_another_text_is_no_amount(written: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        room.quantity(written)


@pytest.mark.parametrize(
    ("there", "asked", "missing"),
    [
        pytest.param(node("a"), pod(0.5, "1Gi"), 2, id="its memory"),
        pytest.param(node("a"), pod("800m", "1Mi"), 5, id="its processors"),
        pytest.param(node("a", pods="3"), pod("1m", "1Mi"), 7, id="its number of pods"),
        pytest.param(node("a"), pod(9, "1Mi"), 10, id="one that fits nowhere"),
    ],
)
def test_the_scarcest_thing_of_a_node_decides(there: Any, asked: Any, missing: int) -> None:
    assert room.missing([there], [], [(asked, 10)]) == [missing]


def test_what_runs_is_taken_and_what_has_ended_is_not() -> None:
    others = [
        pod(1, on="a"),
        pod(2, on="b"),
        pod(4, on="elsewhere"),
        pod(4),
        pod(4, on="a") | {"status": {"phase": "Failed"}},
    ]
    assert room.missing([node("a"), node("b")], others, [(pod(), 10)]) == [5]


@pytest.mark.parametrize(
    "closed",
    [
        {"unschedulable": True},
        {"taints": [{"key": "gpu", "effect": "NoSchedule"}]},
        {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]},
    ],
    ids=["cordoned", "tainted", "away"],
)
def test_a_node_that_takes_no_such_pods_has_no_room(closed: dict[str, Any]) -> None:
    assert room.missing([node("a", **closed)], [], [(pod(), 2)]) == [2]


def test_a_taint_that_is_tolerated_or_only_a_wish_is_no_hindrance() -> None:
    taints = [
        {"key": "for", "value": "servers", "effect": "NoSchedule"},
        {"key": "busy", "effect": "PreferNoSchedule"},
        {"key": "gpu", "effect": "NoExecute"},
    ]
    tolerations = [{"key": "for", "operator": "Equal", "value": "servers"}, {"key": "gpu", "operator": "Exists"}]
    assert room.missing([node("a", taints=taints)], [], [(pod(tolerations=tolerations), 2)]) == [0]
    assert room.missing([node("a", taints=taints)], [], [(pod(tolerations=tolerations[:1]), 2)]) == [2]
    assert room.missing([node("a", taints=taints)], [], [(pod(tolerations=[{"operator": "Exists"}]), 2)]) == [0]


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        *(("In", ["user"], True), ("In", ["core"], False), ("NotIn", ["core"], True), ("NotIn", ["user"], False)),
        *(("Exists", None, True), ("DoesNotExist", None, False), ("Gt", ["1"], False)),
    ],
)
def test_a_label_that_is_required_decides(operator: str, values: list[str] | None, fits: bool) -> None:
    term = {"matchExpressions": [{"key": "purpose", "operator": operator, "values": values}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    asked = pod(affinity={"nodeAffinity": required})
    assert room.missing([node("a", labels={"purpose": "user"})], [], [(asked, 1)]) == [0 if fits else 1]


def test_who_needs_a_rare_node_gets_it_before_who_needs_any() -> None:
    nodes = [node("a", labels={"kind": "large"}), node("b")]
    wanted = [(pod(), 4), (pod(nodeSelector={"kind": "large"}), 4)]
    assert room.missing(nodes, [], wanted) == [0, 0]
    assert room.missing(nodes, [], [(pod(), 6), wanted[1]]) == [2, 0]


def test_a_pod_asks_for_its_limits_where_it_asks_for_nothing_and_for_its_largest_step() -> None:
    asked = {
        "spec": {
            "containers": [{"resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "500m"}}}, {}],
            "initContainers": [
                {"resources": {"requests": {"memory": "3Gi"}}},
                {"restartPolicy": "Always", "resources": {"requests": {"cpu": "250m"}}},
            ],
            "overhead": {"memory": "1Gi"},
        }
    }
    assert room.asks(asked) == {"cpu": Fraction(3, 4), "memory": 4 * 2**30, "pods": 1}
