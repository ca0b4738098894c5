"""`coursehub status`: what a line says, which are wrong, and what to do then."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import main, status

from tests.answering import Kubectl

NOW = datetime(2026, 9, 10, 12, 0, tzinfo=UTC)
FINE: dict[str, Any] = {
    "versions": {"jupyterhub": "5.5.4", "kubespawner": "7.0.0", "package": "0.1.0-cc8b716e46906"},
    "courses": {
        "live": 4,
        "generation": 7,
        "time": "2026-09-10T11:00:00Z",
        "failure": None,
        "unsaved": None,
        "problems": [],
    },
    "certificate": None,
    "share": {"failure": None},
    "provisioner": {"url": "http://provisioner:8080", "failure": None},
    "spawn_test": None,
    "servers": {"ready": 12, "pending": 0},
    "unrouted": [],
}


def deployment(name: str, ready: int = 1, wanted: int = 1) -> dict[str, Any]:
    """As the API has it."""
    return {
        "metadata": {"name": name, "labels": {"helm.sh/chart": "jupyterhub-4.4.0"}},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"component": name}}},
        "status": {"readyReplicas": ready} if ready else {},
    }


def pod(component: str, restarts: int = 0, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """As the API has it, three hours old."""
    made = (NOW - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = {"restartCount": restarts, "state": state or {"running": {}}}
    metadata = {"labels": {"component": component, "app": "jupyterhub"}, "creationTimestamp": made}
    return {"metadata": metadata, "status": {"containerStatuses": [container]}}


CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("found", "pods", "message", "todo"),
    [
        pytest.param(deployment("hub"), [pod("hub"), pod("proxy", 9)], "ready, for 3 h", None, id="ready"),
        pytest.param(deployment("hub"), [pod("hub", 2)], "ready, for 3 h, 2 restarts", None, id="restarted"),
        pytest.param(
            deployment("hub", ready=0),
            [pod("hub", 5, CRASHING)],
            "0 of 1 ready, for 3 h, 5 restarts, CrashLoopBackOff",
            "look at: kubectl --namespace teaching describe deployment/hub and logs deployment/hub",
            id="crashing",
        ),
        pytest.param(
            deployment("hub", ready=0),
            [],
            "0 of 1 ready",
            "look at: kubectl --namespace teaching describe deployment/hub and logs deployment/hub",
            id="no pod",
        ),
        pytest.param(
            deployment("hub", ready=0, wanted=0),
            [],
            "0 of 0 ready",
            "scaled to nothing; kubectl --namespace teaching scale deployment/hub --replicas 1",
            id="scaled to nothing",
        ),
        pytest.param(deployment("hub", 2, 2), [pod("hub"), pod("hub")], "2 of 2 ready, for 3 h", None, id="two"),
    ],
)
def test_what_is_said_of_a_deployment(
    found: dict[str, Any], pods: list[dict[str, Any]], message: str, todo: str | None
) -> None:
    assert status.running("teaching", found, pods, NOW) == status.Line("hub", message, todo)


def told(**changes: Any) -> dict[str, tuple[str, str | None]]:
    """The lines of the hub's answer FINE with these changes, by what they are about."""
    lines = status.of_hub(FINE | changes, "coursehub-0.1.0, jupyterhub-4.4.0", NOW)
    return {line.what: (line.message, line.todo) for line in lines}


def test_of_a_hub_that_is_well_no_line_is_wrong() -> None:
    assert told() == {
        "versions": (
            "coursehub-0.1.0, jupyterhub-4.4.0; JupyterHub 5.5.4, KubeSpawner 7.0.0, package 0.1.0-cc8b716e46906",
            None,
        ),
        "courses": ("4 live, generation 7 of 2026-09-10T11:00:00Z", None),
        "certificate": ("no TLS here", None),
        "share": ("answers", None),
        "directories": ("answers", None),
        "spawn test": ("never", None),
        "servers": ("12 running", None),
    }


def test_without_a_provisioner_there_is_no_line_about_one() -> None:
    assert "directories" not in told(provisioner=None)


def test_where_the_hub_does_not_mount_the_share_the_provisioner_looks() -> None:
    assert told(share=None)["share"] == ("not mounted here: the provisioner looks", None)


def days(count: float) -> float:
    return (NOW + timedelta(days=count)).timestamp()


TRIED = {"course": "python-intro", "at": days(-0.125), "ok": True, "seconds": 7.4, "reason": None}


@pytest.mark.parametrize(
    ("changes", "what", "message"),
    [
        pytest.param({"certificate": days(60)}, "certificate", "60 days left, until 2026-11-09", id="certificate"),
        pytest.param({"spawn_test": TRIED}, "spawn test", "python-intro well in 7 s, 3 h ago", id="spawn test"),
        pytest.param(
            {"servers": {"ready": 1, "pending": 2}}, "servers", "1 running, 2 starting or stopping", id="servers"
        ),
    ],
)
def test_what_is_well(changes: dict[str, Any], what: str, message: str) -> None:
    assert told(**changes)[what] == (message, None)


@pytest.mark.parametrize(
    ("changes", "what", "message", "todo"),
    [
        pytest.param(
            {"courses": FINE["courses"] | {"problems": ["main.yaml:3:1: not valid YAML", "another"]}},
            "courses",
            "2 mistakes, the first: main.yaml:3:1: not valid YAML",
            "correct the file; `coursehub course list`",
            id="a mistake",
        ),
        pytest.param(
            {"courses": FINE["courses"] | {"failure": "no such folder"}},
            "courses",
            "no such folder",
            "could not be read",
            id="unreadable",
        ),
        pytest.param(
            {"courses": FINE["courses"] | {"unsaved": "disk full"}}, "courses", "disk full", "volume", id="unsaved"
        ),
        pytest.param({"certificate": days(20)}, "certificate", "20 days left", "secrets apply", id="ends soon"),
        pytest.param({"certificate": days(-2)}, "certificate", "ended on 2026-09-08", "renew it", id="ended"),
        pytest.param({"share": {"failure": "it hangs"}}, "share", "it hangs", "see to the file server", id="share"),
        pytest.param(
            {"provisioner": {"url": "x", "failure": "no answer"}},
            "directories",
            "no answer",
            "coursehub restart provisioner",
            id="provisioner",
        ),
        pytest.param(
            {"spawn_test": TRIED | {"ok": False, "reason": "no uid"}},
            "spawn test",
            "python-intro failed 3 h ago: no uid",
            "start that course yourself",
            id="spawn test",
        ),
        pytest.param({"unrouted": ["/user/maria/"]}, "servers", "1 have no route", "restart hub", id="a route"),
        pytest.param(
            {"unrouted": "the proxy does not say"}, "servers", "the proxy does not say", "restart proxy", id="proxy"
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(changes: dict[str, Any], what: str, message: str, todo: str) -> None:
    lines = told(**changes)
    found, advice = lines[what]
    assert message in found
    assert todo in (advice or "")
    assert [other for other, (_, wrong) in lines.items() if wrong] == [what]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """A cluster with a hub and a proxy that are ready, and with a provisioner."""
    kubectl = Kubectl.installed(tmp_path, monkeypatch)
    kubectl.says(["coursehub-storage", "deployments"], {"items": [deployment("coursehub-provisioner")]})
    kubectl.says(["coursehub-storage", "pods"], {"items": []})
    kubectl.says(["coursehub", "pods"], {"items": [pod("hub"), pod("proxy")]})
    kubectl.says(["configmap"], {"metadata": {"labels": {"helm.sh/chart": "coursehub-0.1.0"}}})
    return kubectl


def test_a_cluster_where_all_is_well_ends_with_0(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("hub"), deployment("proxy")]})
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("!")] == []
    assert [line.split()[0] for line in lines[:3]] == ["hub", "proxy", "coursehub-provisioner"]
    assert "coursehub-0.1.0, jupyterhub-4.4.0" in lines[3]


def test_something_wrong_ends_with_1_and_as_json_a_script_finds_it(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("hub"), deployment("proxy", ready=0)]})
    kubectl.hub_says(FINE)
    assert main.main(["status", "--json"]) == 1
    lines = json.loads(capsys.readouterr().out)
    assert [line["what"] for line in lines if line["todo"]] == ["proxy"]


def test_a_hub_that_cannot_be_asked_is_said_with_where_to_look(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("hub", ready=0), deployment("proxy")]})
    assert main.main(["status"]) == 1
    output = capsys.readouterr().out
    assert "! answer" in output
    assert "-> look at: kubectl --namespace coursehub logs deployment/hub --container hub" in output


def test_a_namespace_without_a_hub_is_wrong(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": []})
    assert main.main(["status"]) == 1
    assert "! hub " in capsys.readouterr().out
