"""`coursehub shell`: the one pod of a person's running server, or why there is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import main, shell
from coursehub.errors import CoursehubError

from tests.answering import Kubectl

RUNNING = {"running": {"startedAt": "2026-09-01T08:00:00Z"}}


def pod(user: str, state: dict[str, Any] | None = None, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    """A server's pod as the API has it."""
    metadata = {
        "name": f"jupyter-{user.replace('.', '-2e')}",
        "namespace": "teaching",
        "creationTimestamp": "2026-09-01T08:00:00Z",
        "annotations": {"hub.jupyter.org/username": user},
        **metadata,
    }
    containers = [{"name": "notebook", "state": state}] if state else []
    return {"metadata": metadata, "status": {"phase": phase, "containerStatuses": containers}}


def test_the_pod_is_the_one_of_exactly_that_login_name() -> None:
    pods = [pod("marian", RUNNING), pod("maria", RUNNING), pod("maria.k", RUNNING)]
    assert shell.find(pods, "maria") == "jupyter-maria"
    assert shell.find(pods, "maria.k") == "jupyter-maria-2ek"


def test_of_an_ending_and_a_new_pod_it_is_the_new_one() -> None:
    old = pod("maria", RUNNING, deletionTimestamp="2026-09-01T09:00:00Z", name="old")
    new = pod("maria", RUNNING, creationTimestamp="2026-09-01T09:00:01Z", name="new")
    assert shell.find([new, old], "maria") == "new"


@pytest.mark.parametrize(
    ("pods", "message"),
    [
        pytest.param([pod("anna", RUNNING)], "maria has no server now.", id="none"),
        pytest.param(
            [pod("maria", RUNNING, deletionTimestamp="2026-09-01T09:00:00Z")],
            "The server of maria is just ending.",
            id="ending",
        ),
        pytest.param([pod("maria", phase="Pending")], "does not run yet (Pending)", id="no node yet"),
        pytest.param(
            [pod("maria", {"waiting": {"reason": "ErrImagePull"}}, phase="Pending")],
            "does not run yet (ErrImagePull). Try again in a moment, or look at: kubectl "
            "--namespace teaching describe pod jupyter-maria",
            id="no image",
        ),
    ],
)
def test_where_there_is_nothing_to_enter_a_sentence_says_why(pods: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(CoursehubError) as caught:
        shell.find(pods, "maria")
    assert message in str(caught.value)


def test_the_command_becomes_a_login_shell_in_that_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = Kubectl.installed(tmp_path, monkeypatch)
    kubectl.says(["get", "pods"], {"items": [pod("maria", RUNNING)]})
    became: list[list[str]] = []

    def becomes(program: str, words: list[str]) -> None:
        became.append([program, *words])
        raise SystemExit(0)

    monkeypatch.setattr("os.execvp", becomes)
    with pytest.raises(SystemExit):
        main.main(["shell", "maria", "--namespace", "teaching"])
    (words,) = became
    assert words[:2] == ["kubectl", "kubectl"]
    assert words[2:5] == ["--namespace", "teaching", "exec"]
    without = ["env", "--unset=JUPYTERHUB_API_TOKEN", "--unset=JPY_API_TOKEN"]
    assert words[6:] == ["jupyter-maria", "--container", "notebook", "--", *without, "bash", "-l"]
    assert "component=singleuser-server" in json.dumps(kubectl.asked)


def test_without_a_server_the_command_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Kubectl.installed(tmp_path, monkeypatch).says(["get", "pods"], {"items": []})
    assert main.main(["shell", "maria"]) == 1
    assert capsys.readouterr().err.startswith("coursehub: maria has no server now. `coursehub explain --user maria`")
