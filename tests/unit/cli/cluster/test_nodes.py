"""Nodes are held to what kubelet says of their container runtime, and only those that take servers."""

from typing import Any

import pytest
from coursehub.cli.cluster import nodes

CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


def node(name: str, runtime: str, *, strict: bool = False, system: str = "linux", taint: object = None) -> Any:
    """As the API has it."""
    return {
        "metadata": {"name": name},
        "spec": {"taints": [taint]} if taint else {},
        "status": {
            "nodeInfo": {"containerRuntimeVersion": runtime, "operatingSystem": system},
            # A runtime without it has an older kubelet leave the key out.
            **({"features": {"supplementalGroupsPolicy": True}} if strict else {}),
        },
    }


GOOD = node("node-1", "containerd://2.1.4", strict=True)


def test_nodes_that_offer_it_are_counted_by_their_runtime() -> None:
    line = nodes.line([GOOD, node("node-2", "cri-o://1.33.1", strict=True)])
    assert (line.message, line.todo) == (
        "1 with containerd 2.1.4, 1 with cri-o 1.33.1, and each offers supplementalGroupsPolicy",
        None,
    )


@pytest.mark.parametrize(
    ("runtime", "todo"),
    [
        ("containerd://1.7.27", "old: give it containerd 2 or CRI-O 1.31, or keep servers off it by"),
        ("cri-o://1.30.9", "old: give it containerd 2 or CRI-O 1.31"),
        ("docker://28.1.1", "old: give it containerd 2 or CRI-O 1.31"),
        ("containerd://2.0.0", "old: upgrade its kubelet, or turn the feature gate SupplementalGroupsPolicy on"),
        ("cri-o://1.31.0", "old: upgrade its kubelet"),
    ],
)
def test_one_that_does_not_is_named_with_its_runtime_and_what_to_do(runtime: str, todo: str) -> None:
    line = nodes.line([GOOD, node("old", runtime)])
    assert f"old ({runtime.replace('://', ' ')})" in line.message
    assert "node-1" not in line.message
    assert line.todo is not None
    assert line.todo.startswith(todo)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(node("master", "containerd://1.7.27", taint=CONTROL_PLANE), id="the control plane"),
        pytest.param(node("windows", "containerd://1.7.27", system="windows"), id="Windows"),
    ],
)
def test_one_that_gets_no_servers_may_be_older(other: Any) -> None:
    assert nodes.line([GOOD, other]).todo is None
    assert nodes.line([other]).todo is not None, "no node is left"


def test_a_control_plane_that_takes_pods_counts() -> None:
    open_one = node("master", "containerd://1.7.27", taint=CONTROL_PLANE | {"effect": "PreferNoSchedule"})
    assert nodes.line([GOOD, open_one]).todo is not None


def test_who_may_not_list_them_reads_what_somebody_else_has_to_look_at() -> None:
    assert "kubectl get nodes" in str(nodes.line(None).todo)
