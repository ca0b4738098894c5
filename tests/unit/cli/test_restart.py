"""`coursehub restart`: each step is said, and it ends when people notice nothing any more."""

import re
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import main, restart

from tests.answering import Kubectl

TIME = re.compile(r"\d+ s\b")
SERVERS = {"items": [{"metadata": {"uid": "one"}}, {"metadata": {"uid": "two"}}]}


def deployment(generation: int = 2, **status: int) -> dict[str, Any]:
    """A Deployment of one pod as the API has it, under a name of the site's."""
    return {
        "metadata": {"name": "jupyter-hub", "generation": generation},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": generation, **status},
    }


ENDING = deployment(replicas=1, readyReplicas=1, availableReplicas=1)
STARTING = deployment(replicas=1, updatedReplicas=1)
READY = deployment(replicas=1, updatedReplicas=1, availableReplicas=1)


@pytest.mark.parametrize(
    ("found", "stage"),
    [
        pytest.param(READY | {"metadata": {"generation": 3}}, "asked", id="nobody has seen it yet"),
        pytest.param(ENDING, "the old pod is ending", id="the old pod"),
        pytest.param(deployment(), "the old pod is ending", id="no pod"),
        pytest.param(STARTING, "the new pod is starting", id="the new pod"),
        pytest.param(
            deployment(replicas=2, updatedReplicas=1, availableReplicas=2), "the new pod is starting", id="both pods"
        ),
        pytest.param(READY, restart.READY, id="done"),
    ],
)
def test_how_far_it_is(found: dict[str, Any], stage: str) -> None:
    assert restart.stage(found) == stage


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """A cluster with two servers, in which nothing takes time."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    kubectl = Kubectl.installed(tmp_path, monkeypatch)
    kubectl.says(["get", "pods", "component=singleuser-server"], SERVERS)
    kubectl.says(["rollout", "restart"], "restarted")
    return kubectl


def found(kubectl: Kubectl, part: str, *deployments: dict[str, Any]) -> None:
    """What there is of a part, one look after the other."""
    looks = [{"items": [each]} for each in deployments] or [{"items": []}]
    kubectl.says(["get", "deployments", f"app.kubernetes.io/component={part}"], *looks)


def test_each_step_of_a_restart_is_said_once_and_the_servers_are_counted(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    found(kubectl, "hub", READY, READY, ENDING, ENDING, STARTING, READY)
    assert main.main(["restart", "hub", "--namespace", "teaching"]) == 0
    assert TIME.sub("… s", capsys.readouterr().out).splitlines() == [
        "hub: meanwhile nobody can log in, start or stop; open notebooks go on",
        "hub: the old pod is ending (… s)",
        "hub: the new pod is starting (… s)",
        "hub: the new pod is ready (… s)",
        "hub: done in … s; 2 of 2 servers ran on",
    ]
    assert ["--namespace", "teaching", "rollout", "restart", "deployment/jupyter-hub"] in kubectl.asked


def test_the_proxy_is_done_when_each_server_has_its_route(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    found(kubectl, "proxy", READY)
    kubectl.hub_says({"unrouted": "the proxy does not say"}, {"unrouted": ["/user/maria/"]}, {"unrouted": []})
    assert main.main(["restart", "proxy"]) == 0
    assert TIME.sub("… s", capsys.readouterr().out).splitlines()[2:5] == [
        "proxy: the proxy does not say (… s)",
        "proxy: servers still without a route: 1 (… s)",
        "proxy: each running server has its route (… s)",
    ]


@pytest.mark.parametrize(("part", "place"), [("provisioner", "teaching-storage"), ("looker", "teaching")])
def test_the_provisioner_has_a_namespace_of_its_own_and_the_looker_none(
    kubectl: Kubectl, part: str, place: str
) -> None:
    found(kubectl, part, READY)
    assert main.main(["restart", part, "--namespace", "teaching"]) == 0
    assert ["--namespace", place, "rollout", "restart", "deployment/jupyter-hub"] in kubectl.asked


def test_a_dry_run_restarts_nothing(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    found(kubectl, "hub", READY)
    assert main.main(["restart", "hub", "--dry-run"]) == 0
    assert "would be restarted; 2 servers run" in capsys.readouterr().out
    assert not [words for words in kubectl.asked if "rollout" in words]


def test_what_is_not_back_in_time_is_said_with_what_to_look_at(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    found(kubectl, "hub", READY, READY, STARTING)
    assert main.main(["restart", "hub", "--timeout", "0"]) == 1
    assert capsys.readouterr().err == (
        "coursehub: hub: after 0 s still: the new pod is starting. Nothing is taken back; "
        "`coursehub status --namespace coursehub` says what is wrong\n"
    )


def test_a_namespace_without_a_hub_is_said_to_be_one(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    found(kubectl, "hub")
    assert main.main(["restart", "hub", "--namespace", "elsewhere"]) == 1
    assert "there is no hub in namespace elsewhere; name its release's by --namespace" in capsys.readouterr().err
