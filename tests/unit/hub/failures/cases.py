"""Pods and events as the API has them, and what each comes to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from coursehub.hub.failures.diagnosis import Cause

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
