"""`coursehub logs`: what a server prints while it runs, why it failed when it is gone."""

import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from coursehub.cli.main import main

from tests.unit.cli.asked import RUNNING, Say, answer
from tests.unit.hub.failures.records import NOW, failed

PENDING = RUNNING | {
    "phase": "Pending",
    "trouble": "There is no room for your server on the machines.",
    "detail": "0/3 nodes are available",
}
FAILURES = [asdict(failed()), asdict(failed(moment=NOW - timedelta(hours=1)))]


def test_the_log_of_a_server_that_runs_is_shown_as_plain_text(kubectl: Say, capsys: pytest.CaptureFixture[str]) -> None:
    calls = kubectl(answer(RUNNING, FAILURES), "[I ServerApp] one\n  \x1b]0;evil\x07two\x1b[2J\n")
    assert main(["logs", "maria"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pod jupyter-maria in namespace courses: Running",
        "[I ServerApp] one",
        "  two",
    ]
    hub, asked, log = calls.read_text().splitlines()
    assert hub.startswith("--namespace coursehub get pods --selector component=hub")
    assert asked.endswith('{"ask": "logs", "user": "maria"}')
    assert log == "--namespace courses logs jupyter-maria --container notebook --tail=200"


def test_a_server_that_waits_has_no_log_but_a_reason(kubectl: Say, capsys: pytest.CaptureFixture[str]) -> None:
    calls = kubectl(answer(PENDING))
    assert main(["logs", "maria"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pod jupyter-maria in namespace courses: Pending",
        "  There is no room for your server on the machines.",
        "  0/3 nodes are available",
    ]
    assert " logs " not in calls.read_text()


def test_of_a_server_that_is_gone_the_last_failure_is_shown(kubectl: Say, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl(answer(None, FAILURES))
    assert main(["logs", "maria"]) == 0
    output = capsys.readouterr().out
    assert output.count("python-intro, as ") == 1
    assert "    [I ServerApp] Kernel started" in output
    assert output.endswith("1 earlier: coursehub logs maria --previous\n")


def test_with_previous_all_failures_are_shown_also_while_a_server_runs(
    kubectl: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl(answer(RUNNING, FAILURES))
    assert main(["logs", "maria", "--previous"]) == 0
    output = capsys.readouterr().out
    assert output.count("python-intro, as ") == 2
    assert "earlier" not in output
    assert "pod jupyter-maria in namespace" not in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param([], "coursehub: maria has no server now, and none that failed is known\n", id="now"),
        pytest.param(["--previous"], "coursehub: no failed server of maria is known\n", id="before"),
    ],
)
def test_where_nothing_is_known_that_is_said_and_a_script_sees_it(
    kubectl: Say, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    kubectl(answer())
    assert main(["logs", "maria", *options]) == 1
    assert capsys.readouterr() == ("", message)


def test_scripts_read_json(kubectl: Say, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl(answer(RUNNING, FAILURES), "one\n")
    assert main(["logs", "maria", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pod"]["lines"] == ["one"]
    assert [failure["reason"] for failure in report["failures"]] == ["memory", "memory"]


def test_a_log_that_cannot_be_had_is_a_sentence(kubectl: Say, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl(answer(RUNNING), "Error from server (Forbidden): pods/log is forbidden", code=1)
    assert main(["logs", "maria"]) == 1
    assert capsys.readouterr().err == ("coursehub: Error from server (Forbidden): pods/log is forbidden\n")
