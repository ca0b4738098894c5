"""The running hub is asked by `kubectl exec`, or in its own pod; what it cannot answer is a sentence."""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import hub
from coursehub.cli.hub import NoAnswer
from coursehub.hub.admin import socket

from tests.answering import Kubectl


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    return Kubectl.installed(tmp_path, monkeypatch)


def test_the_question_goes_in_as_json_and_the_answer_comes_back(kubectl: Kubectl) -> None:
    kubectl.hub_says({"courses": []})
    assert hub.ask("teaching", {"ask": "courses"}) == {"courses": []}
    _, (*words, question) = kubectl.asked
    assert words[:4] == ["--namespace", "teaching", "exec", "jupyter-hub-1"]
    assert json.loads(question) == {"ask": "courses"}


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        pytest.param('{"refusal": "no such person"}', "^no such person$", id="a refusal"),
        pytest.param("Defaulted container", "replies something else than this command understands", id="no JSON"),
        pytest.param("[]", "replies something else than this command understands", id="another shape"),
        pytest.param("{}", "replies something else than this command understands", id="no answer"),
    ],
)
def test_a_reply_that_is_no_answer_is_a_sentence(kubectl: Kubectl, printed: str, sentence: str) -> None:
    kubectl.says(["exec"], printed)
    kubectl.hub_says({})
    with pytest.raises(NoAnswer, match=sentence):
        hub.ask("teaching", {"ask": "courses"})


def test_a_namespace_without_a_hub_is_named(kubectl: Kubectl) -> None:
    kubectl.says(["get", "pods", "component=hub"], {"items": []})
    with pytest.raises(NoAnswer, match=r"^there is no hub in namespace elsewhere; name its release's by --namespace$"):
        hub.ask("elsewhere", {"ask": "courses"})


def test_a_hub_that_cannot_be_asked_is_named_with_its_namespace(kubectl: Kubectl) -> None:
    with pytest.raises(NoAnswer, match=r"^the hub in namespace teaching cannot be asked: no answer to"):
        hub.ask("teaching", {"ask": "courses"})


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub of a pod without kubectl would answer."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(socket, "PATH", tmp_path / "hub.sock")
    return socket.PATH


async def test_in_its_own_pod_the_hub_is_asked_without_kubectl(pod: Path) -> None:
    async def answer(question: dict[str, Any]) -> dict[str, Any]:
        return {"heard": question}

    async with await socket.serve(answer, logging.getLogger("tests"), pod):
        said = await asyncio.to_thread(hub.ask, "teaching", {"ask": "courses"})
    assert said == {"heard": {"ask": "courses"}}


def test_a_socket_that_somebody_else_made_is_not_asked(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.touch()
    monkeypatch.setattr(os, "getuid", lambda: pod.stat().st_uid + 1)
    with pytest.raises(NoAnswer, match=r"^kubectl is not on the PATH; install it$"):
        hub.ask("teaching", {"ask": "courses"})


def test_a_hub_that_is_silent_in_its_own_pod_is_a_sentence(pod: Path) -> None:
    pod.touch()
    with pytest.raises(NoAnswer, match=r"^the hub of this pod does not answer \("):
        hub.ask("teaching", {"ask": "courses"})
