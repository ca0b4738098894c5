"""kubectl in one place: what goes wrong with it is a sentence."""

import re
from pathlib import Path
from shlex import quote

import pytest
from coursehub.cli import kubectl
from coursehub.cli.kubectl import KubectlError


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path / "kubectl"


def write(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_what_it_prints_comes_back_and_standard_input_goes_in(program: Path) -> None:
    write(program, 'echo "$@"; cat')
    assert (
        kubectl.run("teaching", "apply", "--filename", "-", stdin="{}") == "--namespace teaching apply --filename -\n{}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("echo warning >&2; echo refused >&2; exit 1", "refused", id="its last line"),
        pytest.param("echo out; exit 1", "out", id="on standard output"),
        pytest.param(
            "echo the hub is away >&2; echo command terminated with exit code 1 >&2; exit 1",
            "the hub is away",
            id="a program's in the pod",
        ),
        pytest.param("exit 1", "kubectl get failed and gave no reason", id="nothing"),
        *(
            pytest.param(
                f"echo {quote(said)} >&2; exit 1",
                "kubectl reaches no cluster: look whether it runs, or choose another by KUBECONFIG or `kubectl config "
                rf"use-context` \({re.escape(said)}\)",
                id=said.split(":")[0],
            )
            for said in (
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
                "Unable to connect to the server: dial tcp: lookup api.example.edu: no such host",
                "Error in configuration: context was not found for specified context: teaching",
            )
        ),
        pytest.param("exec sleep 5", r"kubectl get did not end within 0\.2 s; is the cluster there\?", id="it hangs"),
    ],
)
def test_a_failure_is_a_sentence(program: Path, text: str, message: str) -> None:
    write(program, text)
    with pytest.raises(KubectlError, match=f"^{message}$"):
        kubectl.run("teaching", "get", "pods", timeout=0.2 if "sleep" in text else 30)


def test_what_is_not_there_is_none(program: Path) -> None:
    write(program, "exit 0")
    assert kubectl.get("teaching", "secret", "x") is None
