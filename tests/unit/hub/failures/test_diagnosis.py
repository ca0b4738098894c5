"""What Kubernetes says of a pod becomes one honest sentence, and whether waiting is of any use."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from coursehub.hub.failures import diagnosis
from coursehub.hub.failures.diagnosis import Cause, find, given_up, lost

from tests.unit.hub.failures.cases import (
    BEGAN,
    CASES,
    IMAGE,
    OVER,
    PULLING,
    SCHEDULED,
    event,
    pod,
    terminated,
    unscheduled,
    waiting,
)

# What Kubernetes has: the pod, its events; what is made of it: reason, after how many seconds the start ends.


def test_n9_whose_server_filled_what_it_may_reads_how_much_that_is_and_what_to_do() -> None:
    found = find(pod(phase="Failed", reason="Evicted", message=OVER["all together"]), [])
    assert found is not None
    assert found.sentence == (
        "Your server put more into caches, /tmp and its log than the 10G of this course, and was ended. That is gone, "
        "and what you saved elsewhere is there; put large files into your home, or ask your teacher for more scratch."
    )
    grading = pod(phase="Failed", reason="Evicted", message=OVER["a volume"])
    grading["metadata"]["labels"]["coursehub/role"] = "grading"
    of_graders = find(grading, [])
    assert of_graders is not None
    assert "put more into its home, caches, /tmp and its log" in of_graders.sentence
    assert "put large files into /course" in of_graders.sentence
    assert found.detail.startswith("Evicted: Pod ephemeral local storage usage exceeds")


@pytest.mark.parametrize(
    ("found", "events", "reason", "fatal_after"), [pytest.param(*case, id=name) for name, case in CASES.items()]
)
def test_what_kubernetes_has_is_known_and_ends_the_start_only_where_waiting_is_of_no_use(
    found: dict[str, Any], events: list[dict[str, Any]], reason: Cause, fatal_after: float | None
) -> None:
    seen = find(found, events)
    assert seen is not None
    assert (seen.cause, seen.fatal_after) == (reason, fatal_after)
    assert seen.sentence[0].isupper()
    assert seen.sentence.endswith((".", "ImportError: no x"))
    assert bool(seen.meanwhile) == (fatal_after is None), "who waits is to know that something happens, and only they"
    assert "rpc error" not in seen.sentence
    assert IMAGE not in seen.sentence


@pytest.mark.parametrize(
    ("found", "events"),
    [
        pytest.param(pod(phase="Pending"), [], id="a pod that was just made"),
        pytest.param(pod(phase="Pending"), [SCHEDULED], id="a pod that has a node"),
        pytest.param(waiting("ContainerCreating"), [SCHEDULED], id="a container that is being made"),
        pytest.param(
            waiting("ContainerCreating"),
            [event("FailedMount", "object not registered"), event("Pulled", "already present", 2)],
            id="a mount that failed once and then did not",
        ),
        pytest.param(waiting("ContainerCreating"), [PULLING, event("Pulled", "", 1)], id="an image fetched in no time"),
        pytest.param(
            waiting("ContainerCreating"),
            [event("FailedMount", involvedObject={"name": "jupyter-maria", "uid": "another"})],
            id="what happened to an earlier pod of the name",
        ),
        pytest.param(
            pod(phase="Running", containerStatuses=[{"name": "notebook", "ready": True, "state": {"running": {}}}]),
            [event("FailedMount"), event("Started", "", 3)],
            id="a server that runs",
        ),
        pytest.param({"metadata": {}, "status": None}, [], id="nothing yet"),
    ],
)
def test_what_goes_well_is_no_trouble(found: dict[str, Any], events: list[dict[str, Any]]) -> None:
    assert find(found, events) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(terminated("OOMKilled", 137), "more memory than the 4G of this course, and", id="a course"),
        pytest.param(terminated("OOMKilled", 137, memory="700Mi"), "than the 700Mi of this course", id="in a unit"),
        pytest.param(terminated("OOMKilled", 137, memory="734003200"), "than the 700M of this course", id="in bytes"),
        pytest.param(terminated("OOMKilled", 137, course=None), "than the 4G that it may have, and", id="general use"),
        pytest.param(terminated("OOMKilled", 137, memory=None), "more memory than it may have, and", id="no limit"),
    ],
)
def test_who_ran_out_of_memory_reads_how_much_there_was(found: dict[str, Any], said: str) -> None:
    seen = find(found, [])
    assert seen is not None
    assert said in seen.sentence


def test_a_server_that_ended_is_told_with_its_last_line_and_kept_with_all_of_them() -> None:
    printed = "Traceback (most recent call last):\n  File x\n\x1b[31mImportError: no <b>x</b>\x1b[0m\n\n"
    seen = find(terminated("Error", 1, printed), [])
    assert seen is not None
    assert seen.sentence == (
        "Your server ended by itself (exit code 1). The last that it said: ImportError: no <b>x</b>"
    )
    assert seen.lines == ("Traceback (most recent call last):", "  File x", "ImportError: no <b>x</b>")
    assert (seen.exit_code, seen.detail) == (1, "Error, exit code 1")


def test_endless_last_words_are_cut() -> None:
    seen = find(terminated("Error", 1, "x" * 1_000_000 + "\n" + "y" * 1_000_000), [])
    assert seen is not None
    assert len(seen.sentence) < 300
    assert sum(map(len, seen.lines)) <= 4096


def test_since_when_an_image_is_fetched_is_said_in_the_sites_time() -> None:
    seen = find(waiting("ContainerCreating"), [PULLING], ZoneInfo("Europe/Helsinki"))
    assert seen is not None
    assert seen.sentence == "The image of your server is being fetched to its machine, since 11:00:01."


def test_events_are_in_the_order_in_which_they_happened_however_their_times_are_written() -> None:
    mixed = [event("Pulling", "", 1), SCHEDULED, event("Created", "", 0)]
    assert [each["reason"] for each in diagnosis.of_pod(pod(), mixed)] == ["Created", "Scheduled", "Pulling"]


def test_a_start_that_is_given_up_says_what_it_waited_for() -> None:
    seen = find(unscheduled("0/3 nodes are available: 3 Insufficient cpu."), [])
    assert given_up(seen).sentence == (
        "There is no room for your server on the machines. That took too long; please start it again later."
    )
    assert given_up(seen).cause is Cause.ROOM
    assert given_up(None).sentence == "Your server did not answer. That took too long; please start it again later."


GIVEN_UP = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByTaintManager",
    "message": "Taint manager: deleting due to NoExecute taint",
}
EVICTED = GIVEN_UP | {"reason": "EvictionByEvictionAPI"}
READY, UNREADY = ({"type": "Ready", "status": each} for each in ("True", "False"))


@pytest.mark.parametrize(
    ("conditions", "deleted", "is_lost"),
    [
        pytest.param([GIVEN_UP], -16, True, id="given up, and nothing confirms the end"),
        pytest.param([GIVEN_UP], -14, False, id="given up a moment ago"),
        pytest.param([GIVEN_UP], 30, False, id="given up, with time left to end"),
        pytest.param([GIVEN_UP], None, False, id="marked, and not deleted yet"),
        pytest.param([GIVEN_UP, UNREADY], -16, True, id="given up, and not ready, as its node"),
        pytest.param([GIVEN_UP, READY], -300, False, id="wanted away from a node that answers, and slow to end"),
        pytest.param([EVICTED], -300, False, id="drained, and slow to end"),
        pytest.param([], -300, False, id="stopped by its person, and slow to end"),
    ],
)
def test_a_node_is_lost_once_kubernetes_gave_its_pods_up_and_nothing_there_answers(
    conditions: list[dict[str, str]], deleted: int | None, is_lost: bool
) -> None:
    found = pod(phase="Running", conditions=conditions)
    if deleted is not None:
        found["metadata"]["deletionTimestamp"] = (BEGAN + timedelta(seconds=deleted)).strftime("%Y-%m-%dT%H:%M:%SZ")
    seen = lost(found, BEGAN)
    assert (seen is not None) == is_lost
    if seen:
        assert seen.cause is Cause.NODE
        assert seen.sentence.startswith("The machine that your server was on does not answer any more.")
        assert seen.detail == GIVEN_UP["message"]
