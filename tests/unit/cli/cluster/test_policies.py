"""Whether policies are enforced is told by known DaemonSets; what is unknown is left to `helm test`."""

from typing import Any

import pytest
from coursehub.cli.cluster import policies


def daemonset(name: str, *arguments: str) -> Any:
    """As the API has it."""
    return {
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"name": "agent", "args": list(arguments)}]}}},
    }


def node(version: str) -> Any:
    return {"status": {"nodeInfo": {"kubeletVersion": version}}}


@pytest.mark.parametrize(
    ("name", "plugin"), [("calico-node", "Calico"), ("cilium", "Cilium"), ("anetd", "GKE Dataplane V2")]
)
def test_a_plugin_that_enforces_them_is_named(name: str, plugin: str) -> None:
    line = policies.line([daemonset("kube-proxy"), daemonset(name)], [])
    assert line.message.startswith(f"{plugin} can enforce them")
    assert line.todo is None


def test_one_that_enforces_none_is_wrong_unless_another_is_beside_it() -> None:
    assert policies.line([daemonset("kube-flannel-ds")], []).todo is not None
    assert policies.line([daemonset("kube-flannel-ds"), daemonset("calico-node")], []).todo is None


def test_amazons_enforces_them_where_it_is_told_to() -> None:
    assert policies.line([daemonset("aws-node", "--enable-network-policy=false")], []).todo is not None
    assert policies.line([daemonset("aws-node", "--enable-network-policy=true")], []).todo is None


def test_k3s_enforces_them_itself() -> None:
    assert "k3s" in policies.line([], [node("v1.34.1+k3s1")]).message


@pytest.mark.parametrize("found", [None, [], [daemonset("kube-proxy")]], ids=["unseen", "none", "unknown"])
def test_what_nobody_knows_is_left_to_helm_test(found: Any) -> None:
    line = policies.line(found, [node("v1.34.1")])
    assert "`helm test`" in line.message
    assert line.todo is None
