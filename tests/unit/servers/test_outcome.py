"""What an instructor reads of an execution, from pods as Kubernetes describes them."""

from typing import Any

import pytest
from coursehub.servers import outcome
from coursehub.servers.outcome import Phase, State

WAITS = {"waiting": {"reason": "PodInitializing"}}
RUNS: dict[str, Any] = {"running": {"startedAt": "2026-10-01T10:00:00Z"}}
WELL = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


def pod(phase: str, *states: dict[str, Any], deleted: bool = False, **status: Any) -> dict[str, Any]:
    """A pod whose steps, in their order, are in these states."""
    found = [
        {"name": name, "state": state} for name, state in zip(("fetch", "execute", "deliver"), states, strict=False)
    ]
    metadata = {"name": "x", **({"deletionTimestamp": "2026-10-01T10:00:00Z"} if deleted else {})}
    steps = {"initContainerStatuses": found[:2], "containerStatuses": found[2:]}
    return {"metadata": metadata, "spec": {"activeDeadlineSeconds": 90}, "status": {"phase": phase, **steps, **status}}


def pulling(reason: str, message: str) -> dict[str, Any]:
    return pod("Pending", {"waiting": {"reason": reason, "message": message}}, WAITS, WAITS)


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


@pytest.mark.parametrize(
    ("found", "phase", "sentence"),
    [
        pytest.param({"metadata": {}, "spec": {}}, Phase.WAITING, "It waits for its machine.", id="just made"),
        pytest.param(pod("Pending"), Phase.WAITING, "It waits for its machine.", id="nowhere yet"),
        pytest.param(
            pod("Pending", conditions=[UNSCHEDULABLE]), Phase.WAITING, "There is no room on the machines", id="no room"
        ),
        pytest.param(
            pulling("ErrImagePull", "manifest unknown"), Phase.WAITING, "image is not there, or may not be", id="gone"
        ),
        pytest.param(pulling("ImagePullBackOff", "timeout"), Phase.WAITING, "image cannot be fetched", id="registry"),
        pytest.param(pulling("InvalidImageName", ""), Phase.FAILED, "image is not there", id="no image's name"),
        pytest.param(
            pulling("CreateContainerConfigError", "volume"), Phase.WAITING, "cannot be set up on its", id="no volume"
        ),
        pytest.param(pod("Pending", RUNS, WAITS, WAITS), Phase.RUNNING, "", id="fetches"),
        pytest.param(pod("Pending", WELL, RUNS, WAITS), Phase.RUNNING, "", id="executes"),
        pytest.param(pod("Pending", WELL, WELL, WAITS), Phase.RUNNING, "", id="between two steps"),
        pytest.param(pod("Running", WELL, WELL, RUNS), Phase.RUNNING, "", id="delivers"),
        pytest.param(pod("Succeeded", WELL, WELL, WELL), Phase.DONE, "", id="done"),
        pytest.param(pod("Failed", ended(66)), Phase.FAILED, "There is no notebook to execute", id="no notebook"),
        pytest.param(pod("Failed", ended(65)), Phase.FAILED, "What was handed in is too large", id="too much"),
        pytest.param(
            pod("Failed", WELL, ended(77)), Phase.FAILED, "does not keep its network from what", id="F17 network open"
        ),
        pytest.param(pod("Failed", WELL, ended(65)), Phase.FAILED, "What was handed in is no notebook.", id="no JSON"),
        pytest.param(pod("Failed", WELL, ended(69)), Phase.FAILED, "kernel did not start", id="no kernel"),
        pytest.param(pod("Failed", WELL, ended(70)), Phase.FAILED, "kernel ended before all", id="kernel ended"),
        pytest.param(pod("Failed", WELL, ended(76)), Phase.FAILED, "cannot be interrupted", id="goes on for ever"),
        pytest.param(pod("Failed", WELL, ended(73)), Phase.FAILED, "left no place for its own", id="in the way"),
        pytest.param(
            pod("Failed", WELL, ended(137, "OOMKilled"), WAITS), Phase.FAILED, "used more memory than", id="memory"
        ),
        pytest.param(pod("Failed", WELL, ended(137)), Phase.FAILED, "was killed (exit code 137)", id="killed"),
        pytest.param(pod("Failed", WELL, ended(1)), Phase.FAILED, "step 'execute' ended with exit code 1", id="broken"),
        pytest.param(pod("Pending", WELL, ended(1)), Phase.FAILED, "step 'execute' ended", id="its end not yet said"),
        pytest.param(
            pod("Failed", ended(128, "StartError")),
            Phase.FAILED,
            "image has no working coursehub-fetch",
            id="no program",
        ),
        pytest.param(pod("Failed", WELL, WELL, ended(66)), Phase.FAILED, "Nothing came back", id="no result"),
        pytest.param(pod("Failed", WELL, WELL, ended(65)), Phase.FAILED, "printed without end", id="large result"),
        pytest.param(pod("Failed", WELL, WELL, ended(73)), Phase.FAILED, "could not be saved", id="full"),
        pytest.param(
            pod("Failed", WELL, ended(137), reason="DeadlineExceeded"), Phase.FAILED, "longer than 90 s", id="time"
        ),
        pytest.param(
            pod("Failed", reason="Evicted", message='Usage of EmptyDir volume "tmp" exceeds the limit "3Gi".'),
            Phase.FAILED,
            "more than its scratch may hold",
            id="scratch",
        ),
        pytest.param(
            pod("Failed", reason="Evicted", message="The node was low on resource: memory."),
            Phase.FAILED,
            "The machine that the execution was on ended it. It can be started again.",
            id="node short",
        ),
        pytest.param(pod("Failed"), Phase.FAILED, "its machine does not say why", id="nothing known"),
        pytest.param(pod("Pending", WELL, RUNS, deleted=True), Phase.FAILED, "was taken away before", id="deleted"),
    ],
)
def test_a_pod_says_how_far_it_is_and_why(found: dict[str, Any], phase: Phase, sentence: str) -> None:
    state = outcome.state(found)
    assert state.phase is phase
    assert sentence in state.sentence
    assert bool(sentence) == bool(state.sentence)


def test_s7_nothing_that_the_pod_or_kubernetes_wrote_is_in_a_sentence() -> None:
    evil = "\x1b]0;owned\x07<script>"
    said = ended(3) | {"terminated": {**ended(3)["terminated"], "message": evil}}
    for found in (
        pod("Failed", WELL, said),
        pod("Failed", reason="Other", message=evil),
        pulling("ErrImagePull", evil),
    ):
        assert "owned" not in outcome.state(found).sentence


@pytest.mark.parametrize(
    ("found", "again"),
    [
        pytest.param(pod("Failed", reason="Evicted", message="The node was low on memory."), True, id="node short"),
        pytest.param(pod("Failed", reason="NodeLost"), True, id="node gone"),
        pytest.param(pod("Failed", reason="OutOfcpu"), True, id="no room after all"),
        pytest.param(pod("Failed"), True, id="nothing known"),
        pytest.param(pod("Pending", WELL, RUNS, deleted=True), True, id="taken away"),
        pytest.param(pod("Failed", ended(74)), True, id="the file server failed"),
        pytest.param(pod("Failed", WELL, ended(137), reason="DeadlineExceeded"), False, id="time"),
        pytest.param(pod("Failed", WELL, ended(137, "OOMKilled")), False, id="memory"),
        pytest.param(pod("Failed", WELL, ended(137)), False, id="killed"),
        pytest.param(
            pod("Failed", reason="Evicted", message='EmptyDir volume "tmp" exceeds "3Gi".'), False, id="scratch"
        ),
        pytest.param(pod("Failed", WELL, ended(70)), False, id="kernel ended"),
        pytest.param(pod("Failed", WELL, ended(77)), False, id="network open"),
        pytest.param(pulling("InvalidImageName", ""), False, id="no image"),
        pytest.param(pod("Succeeded", WELL, WELL, WELL), False, id="done"),
    ],
)
def test_only_what_passes_is_worth_another_try(found: dict[str, Any], again: bool) -> None:
    state = outcome.state(found)
    assert (state.again, "can be started again" in state.sentence) == (again, again)


def test_what_has_ended_is_not_among_what_runs() -> None:
    assert [phase for phase in Phase if phase.ended] == [Phase.DONE, Phase.FAILED]
    assert State(Phase.DONE) == outcome.state(pod("Succeeded"))
