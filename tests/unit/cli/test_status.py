"""`coursehub status`: what a line says, which are wrong, and what to do then."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import main, status
from coursehub.cli.report import Line

from tests.answering import Kubectl

NOW = datetime(2026, 9, 10, 12, 0, tzinfo=UTC)
FINE: dict[str, Any] = {
    "versions": {"jupyterhub": "5.5.4", "kubespawner": "7.0.0", "package": "0.1.0-cc8b716e46906"},
    "courses": {
        "live": 4,
        "generation": 7,
        "time": "2026-09-10T11:00:00Z",
        "failure": None,
        "problems": [],
    },
    "state": {"unsaved": None},
    "certificate": None,
    "share": {"failure": None},
    "provisioner": {"url": "http://provisioner:8080", "failure": None},
    "spawn_test": None,
    "servers": {"ready": 12, "pending": 0},
    "unrouted": [],
}


def deployment(name: str, ready: int = 1, wanted: int = 1) -> dict[str, Any]:
    """As the API has it; a name may be the site's."""
    own = {"app.kubernetes.io/name": "coursehub"}
    labels = own if "coursehub" in name else {"component": name.rpartition("-")[2], "release": "2026", "app": "lab"}
    return {
        "metadata": {"name": name, "labels": {**labels, "helm.sh/chart": "jupyterhub-4.4.0"}},
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
    assert status.running("teaching", found, pods, NOW) == Line("hub", message, todo)


def told(**changes: Any) -> dict[str, tuple[str, str | None]]:
    """The lines of the hub's answer FINE with these changes, by what they are about."""
    lines = status.of_hub("teaching", FINE | changes, "coursehub-0.1.0, jupyterhub-4.4.0", NOW)
    return {line.what: (line.message, line.todo) for line in lines}


def test_of_a_hub_that_is_well_no_line_is_wrong() -> None:
    assert told() == {
        "versions": (
            "coursehub-0.1.0, jupyterhub-4.4.0; JupyterHub 5.5.4, KubeSpawner 7.0.0, package 0.1.0-cc8b716e46906",
            None,
        ),
        "courses": ("4 live, generation 7 of 2026-09-10T11:00:00Z", None),
        "state": ("outlasts a restart of the hub", None),
        "certificate": ("no TLS here", None),
        "share": ("answers", None),
        "directories": ("answers", None),
        "spawn test": ("never", None),
        "servers": ("12 running", None),
    }


def test_a_hub_with_an_old_jupyterhub_is_wrong_and_the_newer_one_is_named() -> None:
    message, todo = told(versions=FINE["versions"] | {"jupyterhub": "5.5.1"})["versions"]
    assert "JupyterHub 5.5.1" in message
    assert todo == "JupyterHub 5.5.4 is out, and holes of older ones are published: make the hub's image with it"


@pytest.mark.parametrize("versions", [{"jupyterhub": "6.2.0"}, {"kubespawner": "7.2.0"}])
def test_a_hub_outside_the_range_that_is_tested_is_wrong_and_the_range_is_named(versions: dict[str, str]) -> None:
    _, todo = told(versions=FINE["versions"] | versions)["versions"]
    assert todo == (
        "coursehub is tested with JupyterHub 5.5 and 6.1, KubeSpawner 7.0 and 7.1: make the hub's image with these"
    )


def test_without_a_provisioner_there_is_no_line_about_one() -> None:
    assert "directories" not in told(provisioner=None)


def test_of_what_only_looks_the_pod_is_named() -> None:
    looker = {"url": "http://coursehub-looker:8080", "makes": False, "failure": "it does not answer"}
    message, todo = told(provisioner=looker)["directories"]
    assert message == "http://coursehub-looker:8080: it does not answer"
    assert "kubectl --namespace teaching describe pods --selector app.kubernetes.io/component=looker" in str(todo)


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
            {"servers": None},
            "servers",
            "the hub's database does not answer",
            "see to the database that jupyterhub.hub.db names",
            id="database",
        ),
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
        pytest.param({"state": {"unsaved": "disk full"}}, "state", "disk full", "would not know", id="unsaved"),
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


NO_SERVERS = "component!=singleuser-server"


@pytest.fixture
def phase() -> str:
    """Of the claim that servers mount."""
    return "Bound"


@pytest.fixture
def level() -> str | None:
    """The Pod Security level that the namespace is held to; None where one may not look."""
    return "restricted"


@pytest.fixture
def kubectl(phase: str, level: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """A cluster with a hub and a proxy that are ready, and with a provisioner."""
    kubectl = Kubectl.installed(tmp_path, monkeypatch)
    if level is None:
        kubectl.refuses(["get", "namespace"], FORBIDDEN)
    labels = {"pod-security.kubernetes.io/enforce": level}
    kubectl.says(["get", "namespace"], {"metadata": {"name": "coursehub", "labels": labels}})
    claim = {"spec": {"accessModes": ["ReadWriteMany"]}, "status": {"phase": phase}}
    kubectl.says(["coursehub", "persistentvolumeclaim"], claim)
    kubectl.says(["coursehub-storage", "deployments"], {"items": [deployment("coursehub-provisioner")]})
    kubectl.says(["coursehub-storage", "pods", NO_SERVERS], {"items": []})
    kubectl.says(["coursehub", "pods", NO_SERVERS], {"items": [pod("hub"), pod("proxy")]})
    kubectl.says(["configmap"], {"metadata": {"labels": {"helm.sh/chart": "coursehub-0.1.0"}}})
    return kubectl


FORBIDDEN = (
    'Error from server (Forbidden): nodes is forbidden: User "anna" cannot list resource "nodes" in API group "" at '
    "the cluster scope"
)


def node(
    name: str, ready: str = "True", *, cordoned: bool = False, given_up: bool = False, containerd: str = "2.1.4"
) -> dict[str, Any]:
    """As the API has it; its readiness changed five minutes ago."""
    since = (NOW - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    taints = [{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]
    conditions = [
        {"type": "MemoryPressure", "status": "False", "lastTransitionTime": since},
        {"type": "Ready", "status": ready, "lastTransitionTime": since},
    ]
    spec = ({"unschedulable": True} if cordoned else {}) | ({"taints": taints} if given_up else {})
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "conditions": conditions,
            "nodeInfo": {"operatingSystem": "linux", "containerRuntimeVersion": f"containerd://{containerd}"},
            "features": {"supplementalGroupsPolicy": not containerd.startswith("1.")},
        },
    }


LOOK = 'docs/admins/nodes.md, "A node dies", says what to do'
UNTAINT = "kubectl taint nodes node-2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute-"
SILENT = {"metadata": {"name": "node-1"}, "spec": {}, "status": {}}


@pytest.mark.parametrize(
    ("found", "message", "todo"),
    [
        pytest.param([node("node-1"), node("node-2")], "2 ready", None, id="all are ready"),
        pytest.param(
            [node("node-1"), node("node-2", "Unknown")],
            "1 of 2 ready; node-2 has said nothing for 5 min",
            LOOK,
            id="one does not answer",
        ),
        pytest.param(
            [node("node-1", "False")],
            "0 of 1 ready; node-1 has not been ready for 5 min",
            LOOK,
            id="one says that it is not well",
        ),
        pytest.param([SILENT], "0 of 1 ready; node-1 has said nothing", LOOK, id="one has never said anything"),
        pytest.param(
            [node("node-1"), node("node-2", cordoned=True)],
            "2 ready; node-2 is cordoned",
            None,
            id="one is cordoned, which somebody did",
        ),
        pytest.param(
            [node("node-1", "Unknown", cordoned=True, given_up=True), node("node-2")],
            "1 of 2 ready; node-1 has said nothing for 5 min and is cordoned and has the taint out-of-service",
            LOOK,
            id="one is lost, and somebody switched it off",
        ),
        pytest.param(
            [node("node-1"), node("node-2", given_up=True)],
            "2 ready; node-2 has the taint out-of-service",
            f"node-2 runs, so take the word back: {UNTAINT}",
            id="one is back with the taint that it is off",
        ),
        pytest.param(
            [node("node-1"), node("node-2", containerd="1.7.27")],
            "2 ready; node-2 runs containerd 1.7.27, which cannot hold a server to its groups",
            "node-2: give it containerd 2 or CRI-O 1.31, or keep servers off it by jupyterhub.singleuser.nodeSelector",
            id="one has an old container runtime",
        ),
    ],
)
def test_what_is_said_of_nodes(found: list[dict[str, Any]], message: str, todo: str | None) -> None:
    assert status.of_nodes(found, NOW) == Line("nodes", message, todo)


def test_a_cluster_where_all_is_well_ends_with_0(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub"), deployment("lab-proxy")]})
    kubectl.says(["get", "nodes"], {"items": [node("node-1")]})
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("!")] == []
    assert [line.split()[0] for line in lines[:3]] == ["lab-hub", "lab-proxy", "coursehub-provisioner"]
    assert lines[3].endswith("coursehub is held to the Pod Security level restricted")
    assert lines[4].split() == ["nodes", "1", "ready"]
    assert "coursehub-0.1.0, jupyterhub-4.4.0" in lines[5]


@pytest.mark.parametrize(
    ("level", "code", "said"),
    [
        pytest.param("baseline", 1, "! namespace", id="less than restricted"),
        pytest.param("", 1, "is held to no Pod Security level", id="no label"),
        pytest.param("", 1, "-> kubectl label --overwrite namespace coursehub pod-security.", id="with the command"),
        pytest.param(None, 0, "ready", id="one may not look"),
    ],
)
def test_a_namespace_that_holds_no_server_to_the_level_is_wrong(
    kubectl: Kubectl, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub"), deployment("lab-proxy")]})
    kubectl.says(["get", "nodes"], {"items": [node("node-1")]})
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == code
    output = capsys.readouterr().out
    assert said in output
    assert ("namespace" in output) == bool(code)


def test_something_wrong_ends_with_1_and_as_json_a_script_finds_it(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub"), deployment("lab-proxy", ready=0)]})
    kubectl.says(["get", "nodes"], {"items": [node("node-1")]})
    kubectl.hub_says(FINE)
    assert main.main(["status", "--json"]) == 1
    lines = json.loads(capsys.readouterr().out)
    assert [line["what"] for line in lines if line["todo"]] == ["lab-proxy"]


def test_a_hub_that_cannot_be_asked_is_said_with_where_to_look(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub", ready=0), deployment("lab-proxy")]})
    kubectl.says(["get", "nodes"], {"items": [node("node-1")]})
    assert main.main(["status"]) == 1
    output = capsys.readouterr().out
    assert "! answer" in output
    assert "-> look at: kubectl --namespace coursehub logs deployment/lab-hub --container hub" in output


def test_what_else_runs_in_the_namespace_is_no_part(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    database = deployment("database", ready=0)
    database["metadata"]["labels"] = {"app.kubernetes.io/name": "postgresql", "app.kubernetes.io/instance": "2026"}
    parts = [deployment("lab-hub"), deployment("lab-proxy"), database]
    kubectl.says(["coursehub", "deployments"], {"items": parts})
    kubectl.says(["get", "nodes"], {"items": [node("node-1")]})
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == 0
    assert "database" not in capsys.readouterr().out


def test_a_namespace_without_a_hub_is_wrong(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": []})
    kubectl.refuses(["get", "nodes"], FORBIDDEN)
    assert main.main(["status"]) == 1
    assert "! hub " in capsys.readouterr().out


def test_a_node_that_does_not_answer_is_a_line_with_where_to_read_what_to_do(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub"), deployment("lab-proxy")]})
    kubectl.says(["get", "nodes"], {"items": [node("node-1"), node("node-2", "Unknown")]})
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == 1
    output = capsys.readouterr().out
    assert "! nodes " in output
    assert f"-> {LOOK}" in output


@pytest.mark.parametrize("phase", ["Pending"])
def test_a_claim_whose_volume_waits_for_one_that_is_gone_is_a_line_with_the_command(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    volume = {
        "metadata": {"name": "coursehub-coursehub-storage"},
        "spec": {"claimRef": {"namespace": "coursehub", "name": "coursehub-storage", "uid": "1"}},
        "status": {"phase": "Released"},
    }
    kubectl.says(["persistentvolumes"], {"items": [volume]})
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("hub", ready=0), deployment("proxy")]})
    kubectl.refuses(["get", "nodes"], FORBIDDEN)
    assert main.main(["status"]) == 1
    output = capsys.readouterr().out
    assert "! share " in output
    assert (
        "-> nothing on it is lost; kubectl patch persistentvolume coursehub-coursehub-storage --type merge "
        """--patch '{"spec": {"claimRef": {"uid": null, "resourceVersion": null}}}'""" in output
    )


def test_who_may_not_see_nodes_reads_nothing_of_them(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl.says(["coursehub", "deployments"], {"items": [deployment("lab-hub"), deployment("lab-proxy")]})
    kubectl.refuses(["get", "nodes"], FORBIDDEN)
    kubectl.hub_says(FINE)
    assert main.main(["status"]) == 0
    assert "nodes" not in capsys.readouterr().out
