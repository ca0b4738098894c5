"""What Kubernetes says of a pod becomes one honest sentence, and whether waiting is of any use."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from coursehub.hub.failures import diagnosis
from coursehub.hub.failures.diagnosis import Cause, find, given_up, lost

UID = "0f0e0d0c-0b0a-4908-8706-050403020100"
BEGAN = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
IMAGE = "registry.example/python:1"


def pod(*, course: str | None = "python-intro", memory: object = "4294967296", **status: Any) -> dict[str, Any]:
    """A pod as the API server has it."""
    labels = {"component": "singleuser-server", **({"coursehub/course": course} if course else {})}
    limits = {} if memory is None else {"memory": memory, "ephemeral-storage": "10737418240"}
    return {
        "metadata": {"name": "jupyter-maria", "namespace": "courses", "uid": UID, "labels": labels},
        "spec": {"containers": [{"name": "notebook", "image": IMAGE, "resources": {"limits": limits}}]},
        "status": status,
    }


def waiting(reason: str, message: str | None = None, **more: Any) -> dict[str, Any]:
    """A pod whose container waits."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return pod(phase="Pending", containerStatuses=[{"name": "notebook", "ready": False, "state": state}], **more)


def terminated(reason: str, code: int, message: str | None = None, **more: Any) -> dict[str, Any]:
    """A pod whose container has ended."""
    state = {"terminated": {"reason": reason, "exitCode": code, **({"message": message} if message else {})}}
    phase = "Failed" if code else "Succeeded"
    return pod(phase=phase, containerStatuses=[{"name": "notebook", "ready": False, "state": state}], **more)


def unscheduled(message: str) -> dict[str, Any]:
    """A pod for which the scheduler has found no node."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod(phase="Pending", conditions=[condition])


# As kubelet says it.
OVER = {
    "a volume": 'Usage of EmptyDir volume "run" exceeds the limit "10737418240". ',
    "the container": 'Container notebook exceeded its local ephemeral storage limit "10737418240". ',
    "all together": "Pod ephemeral local storage usage exceeds the total limit of containers 10737418240. ",
}


def event(reason: str, message: str = "", after: float = 0, **more: Any) -> dict[str, Any]:
    """An event as kubelet makes it, so many seconds after the pod was scheduled."""
    moment = (BEGAN + timedelta(seconds=after)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"name": f"jupyter-maria.{reason}", "uid": f"{reason}-{after}", "creationTimestamp": moment},
        "involvedObject": {"kind": "Pod", "name": "jupyter-maria", "uid": UID},
        "reason": reason,
        "message": message,
        "type": "Warning" if "Fail" in reason else "Normal",
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "eventTime": None,
        **more,
    }


SCHEDULED = event("Scheduled", firstTimestamp=None, lastTimestamp=None, eventTime="2026-10-01T08:00:00.123456Z")
PULLING = event("Pulling", f'Pulling image "{IMAGE}"', 1)
UNRESOLVED = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}"'
BACK_OFF = f'Back-off pulling image "{IMAGE}"'

# What Kubernetes has: the pod, its events; what is made of it: reason, after how many seconds the start ends.


CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], Cause, float | None]] = {
    "an image that the registry does not have": (
        waiting("ErrImagePull", f"rpc error: code = NotFound desc = {UNRESOLVED}: {IMAGE}: not found"),
        [PULLING],
        Cause.IMAGE,
        0,
    ),
    "an image that may not be fetched": (
        waiting(
            "ErrImagePull", f"{UNRESOLVED}: pull access denied, repository does not exist or may require authorization"
        ),
        [PULLING],
        Cause.IMAGE,
        0,
    ),
    "an image that needs a password": (
        waiting("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {UNRESOLVED}: 401 Unauthorized"),
        [PULLING],
        Cause.IMAGE,
        0,
    ),
    "an image that is missing, as older kubelets say it": (
        waiting("ImagePullBackOff", BACK_OFF),
        [
            PULLING,
            event("Failed", f'Failed to pull image "{IMAGE}": {UNRESOLVED}: not found', 2),
            event("BackOff", BACK_OFF, 3),
        ],
        Cause.IMAGE,
        0,
    ),
    "an image that the node does not have": (
        waiting("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never'),
        [],
        Cause.IMAGE,
        0,
    ),
    "an image whose name is none": (
        waiting("InvalidImageName", 'Failed to apply default image tag "a//b": invalid reference format'),
        [],
        Cause.IMAGE,
        0,
    ),
    "a registry that does not answer": (
        waiting("ErrImagePull", f"{UNRESOLVED}: dial tcp 192.0.2.1:443: i/o timeout"),
        [PULLING],
        Cause.REGISTRY,
        None,
    ),
    "a registry that has no name": (
        waiting("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {UNRESOLVED}: lookup registry.example: no such host"),
        [PULLING],
        Cause.REGISTRY,
        None,
    ),
    "a registry that has had enough": (
        waiting(
            "ErrImagePull", f"{UNRESOLVED}: 429 Too Many Requests - toomanyrequests: You have reached your rate limit"
        ),
        [PULLING],
        Cause.REGISTRY,
        None,
    ),
    "an image that is on its way": (waiting("ContainerCreating"), [SCHEDULED, PULLING], Cause.PULLING, None),
    "a folder of the volume that cannot be mounted": (
        waiting(
            "CreateContainerConfigError", 'failed to prepare subPath for volumeMount "share" of container "notebook"'
        ),
        [],
        Cause.VOLUME,
        5,
    ),
    "a Secret that is not there": (
        waiting("CreateContainerConfigError", 'secret "x" not found'),
        [],
        Cause.CONFIGURATION,
        5,
    ),
    "a volume that cannot be mounted": (
        waiting("ContainerCreating"),
        [SCHEDULED, event("FailedMount", 'MountVolume.SetUp failed for volume "share": hostPath type check failed', 1)],
        Cause.VOLUME,
        8,
    ),
    "a volume that cannot be attached": (
        pod(phase="Pending"),
        [SCHEDULED, event("FailedAttachVolume", "Multi-Attach error for volume", 1)],
        Cause.VOLUME,
        8,
    ),
    "a claim that is not there": (
        unscheduled('0/3 nodes are available: persistentvolumeclaim "coursehub-storage" not found.'),
        [],
        Cause.VOLUME,
        10,
    ),
    "a claim without a volume": (
        unscheduled("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        [],
        Cause.VOLUME,
        10,
    ),
    "no room": (unscheduled("0/3 nodes are available: 3 Insufficient memory."), [], Cause.ROOM, None),
    "no node of the kind": (
        unscheduled("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."),
        [],
        Cause.ROOM,
        None,
    ),
    "no network on the node": (
        waiting("ContainerCreating"),
        [SCHEDULED, event("FailedCreatePodSandBox", "failed to setup network for sandbox", 1)],
        Cause.NODE,
        None,
    ),
    "too much memory": (terminated("OOMKilled", 137), [], Cause.MEMORY, 0),
    "too little memory even to begin": (
        terminated("StartError", 128, "container init was OOM-killed (memory limit too low?)"),
        [],
        Cause.MEMORY,
        0,
    ),
    "a program that is not in the image": (
        terminated("StartError", 128, 'exec: "coursehub-start": executable file not found in $PATH'),
        [],
        Cause.CONFIGURATION,
        0,
    ),
    "a server that ends": (terminated("Error", 1, "ImportError: no x\n"), [], Cause.EXITED, 0),
    "a server that is killed": (terminated("Error", 137, "[I ServerApp] Kernel started"), [], Cause.EXITED, 0),
    "a server that ends well": (terminated("Completed", 0), [], Cause.EXITED, 0),
    "an eviction": (
        pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        [],
        Cause.EVICTED,
        0,
    ),
    "a node without room on its disk": (
        pod(
            phase="Failed",
            reason="Evicted",
            message="The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 9Gi. "
            "Container notebook was using 2Gi, request is 0, has larger consumption of ephemeral-storage. ",
        ),
        [],
        Cause.EVICTED,
        0,
    ),
    **{
        f"N9 {name} over its bound": (pod(phase="Failed", reason="Evicted", message=message), [], Cause.SCRATCH, 0)
        for name, message in OVER.items()
    },
    **{
        f"N9 {name} over its bound, before the pod says so": (
            terminated("Completed", 0),
            [event("Evicted", message)],
            Cause.SCRATCH,
            0,
        )
        for name, message in OVER.items()
    },
    "an eviction, before the pod says so": (
        terminated("Completed", 0),
        [event("Evicted", "The node was low on resource: memory. ")],
        Cause.EVICTED,
        0,
    ),
    "a node that is full after all": (
        pod(phase="Failed", reason="OutOfmemory", message="Node didn't have enough resource: memory"),
        [],
        Cause.NODE,
        0,
    ),
    "a node whose container runtime is too old": (
        pod(
            phase="Failed",
            reason="SupplementalGroupsPolicyNotSupported",
            message="SupplementalGroupsPolicy=Strict is not supported in this node",
        ),
        [],
        Cause.UNFIT,
        0,
    ),
    "a node that has no AppArmor": (
        pod(phase="Failed", reason="AppArmor", message="Cannot enforce AppArmor: AppArmor is not enabled on the host"),
        [],
        Cause.UNFIT,
        0,
    ),
    "a node that shuts down": (
        pod(phase="Failed", reason="Terminated", message="Pod was terminated in response to imminent node shutdown."),
        [],
        Cause.NODE,
        0,
    ),
}


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
