"""Why a pod does not run, in a sentence for its person: read from the pod and its events, as Kubernetes has them.

How kubelet and the scheduler word it: pkg/kubelet/images, pkg/kubelet/container/sync_result.go and pkg/kubelet/events
of Kubernetes 1.33 to 1.36.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from coursehub import text as plain
from coursehub.config import resources

# Kubelet keeps 2 KiB of what a container printed last, or 4 KiB of what it wrote for this.
_LINES = 4096
# Kubelet confirms the end of a pod within seconds; one that is still there so long after its time is on a node without.
_UNCONFIRMED = timedelta(seconds=15)
# Until the first of these, kubelet is still busy with volumes and network.
_PREPARED = frozenset({"Pulling", "Pulled", "Created", "Started"})
_UNMOUNTED = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
# No other try will find these; all else that a registry or the way to it says may pass.
_ABSENT = re.compile(
    r"not found|NotFound|manifest unknown|name unknown|does not exist|access denied|denied:|unauthorized"
    r"|authorization failed|insufficient_scope|40[13] (?:Forbidden|Unauthorized)",
    re.IGNORECASE,
)
# Of its own bounds, not of its node's: pkg/kubelet/eviction/helpers.go.
_OVER = re.compile(r"EmptyDir volume .* exceeds|local ephemeral storage limit|ephemeral local storage usage exceeds")

# What kubelet refuses on a node of this kind, now and at the next start: pkg/kubelet/lifecycle, /sysctl.
_UNFIT = frozenset(
    {
        "AppArmor",
        "InitContainerRestartPolicyForbidden",
        "InvalidNodeInfo",
        "PodFeatureUnsupported",
        "PodLevelResourcesNotSupported",
        "PodOSNotSupported",
        "PodOSSelectorNodeLabelDoesNotMatch",
        "SupplementalGroupsPolicyNotSupported",
        "SysctlForbidden",
    }
)


class Cause(StrEnum):
    """What it was, in a word: for metrics and scripts, where it stands as the reason."""

    REFUSED = "refused"
    IMAGE = "image"
    REGISTRY = "registry"
    PULLING = "pulling"
    CONFIGURATION = "configuration"
    VOLUME = "volume"
    MEMORY = "memory"
    EXITED = "exited"
    EVICTED = "evicted"
    SCRATCH = "scratch"
    NODE = "node"
    UNFIT = "unfit"
    ROOM = "room"
    SILENT = "silent"
    GONE = "gone"


@dataclass(frozen=True)
class Diagnosis:
    """What keeps a server from running.

    `sentence` is for the person, `detail` is what Kubernetes says. `fatal_after`: so many seconds it may last, and then
    waiting is of no use; None where it may pass by itself, and `meanwhile` then says what happens. `lines` are the last
    that the server printed.
    """

    cause: Cause
    sentence: str
    detail: str = ""
    fatal_after: float | None = None
    meanwhile: str = ""
    exit_code: int | None = None
    lines: tuple[str, ...] = ()


GONE = Diagnosis(Cause.GONE, "Your server was taken away while it started. Please start it again.", fatal_after=3)
_SILENT = Diagnosis(Cause.SILENT, "Your server did not answer.", fatal_after=0)


def given_up(found: Diagnosis | None) -> Diagnosis:
    """What holds once the time for a start is over, with `found` still true, or nothing known to be wrong."""
    found = found or _SILENT
    return replace(found, sentence=f"{found.sentence} That took too long; please start it again later.")


def find(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], zone: tzinfo = UTC) -> Diagnosis | None:
    """What is wrong with `pod` now; None where nothing is known to be. Times of day are of `zone`."""
    status = pod.get("status") or {}
    return (
        ended(pod, events)
        or _waiting(pod, _state(status).get("waiting") or {}, of_pod(pod, events), zone)
        or _unscheduled(status)
    )


def ended(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Diagnosis | None:
    """Why `pod` has ended; None while it has not."""
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason"):
        return _taken_off(pod, status["reason"], status.get("message") or "")
    terminated = _state(status).get("terminated")
    if terminated is None:
        return None
    # The pod itself says so only some moments after the server did as it was asked and ended well.
    if evictions := [event for event in of_pod(pod, events) if event["reason"] == "Evicted"]:
        return _taken_off(pod, "Evicted", evictions[-1].get("message") or "")
    code, message = terminated.get("exitCode"), terminated.get("message") or ""
    lines = plain.last_lines(message, _LINES)
    match terminated.get("reason"):
        case "OOMKilled":
            cause, sentence = Cause.MEMORY, _too_much_memory(pod)
        case "StartError" | "ContainerCannotRun" if "OOM-killed" in message:
            cause, sentence = Cause.MEMORY, _too_much_memory(pod)
        case "StartError" | "ContainerCannotRun":
            cause = Cause.CONFIGURATION
            sentence = "The image of your server cannot be run here. Please tell your teacher."
        case _ if code == 137:
            # Also what is left of an end by memory where the runtime did not see it.
            cause = Cause.EXITED
            sentence = "Your server was killed (exit code 137). Often that is because it used too much memory."
        case _:
            last = f" The last that it said: {plain.line(lines[-1], 200)}" if lines else ""
            cause, sentence = Cause.EXITED, f"Your server ended by itself (exit code {code}).{last}"
    detail = f"{terminated.get('reason')}, exit code {code}"
    return Diagnosis(cause, sentence, plain.line(detail), fatal_after=0, exit_code=code, lines=lines)


def lost(pod: Mapping[str, Any], now: datetime) -> Diagnosis | None:
    """That the node of `pod` is lost: Kubernetes gave it up, and by the aware `now` nothing has confirmed the end.

    Kubernetes takes a pod for not ready with its node. One that is ready is on a node that only wants it away.
    """
    deleted = pod["metadata"].get("deletionTimestamp")
    conditions = (pod.get("status") or {}).get("conditions") or ()
    reason = ("DisruptionTarget", "DeletionByTaintManager")
    given_up = next((each for each in conditions if (each.get("type"), each.get("reason")) == reason), None)
    is_ready = any((each.get("type"), each.get("status")) == ("Ready", "True") for each in conditions)
    if given_up is None or is_ready or deleted is None or now < _time(deleted) + _UNCONFIRMED:
        return None
    sentence = (
        "The machine that your server was on does not answer any more. What you saved is there; please start your "
        "server again."
    )
    return Diagnosis(Cause.NODE, sentence, plain.line(given_up.get("message") or ""), fatal_after=0)


def of_pod(pod: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The events of exactly this pod, and not of an earlier one of the same name, the oldest first."""
    uid = pod.get("metadata", {}).get("uid")
    own = [event for event in events if uid and event.get("involvedObject", {}).get("uid") == uid]
    return sorted(own, key=last_time)


def last_time(event: Mapping[str, Any]) -> datetime:
    """When the event was last seen."""
    return _time(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.fromtimestamp(0, UTC)


def _state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = status.get("containerStatuses") or ()
    state = next((container.get("state") for container in containers if container.get("name") == "notebook"), None)
    return state or {}


def _taken_off(pod: Mapping[str, Any], reason: str, message: str) -> Diagnosis:
    detail = plain.line(f"{reason}: {message}")
    if reason == "Evicted" and _OVER.search(message):
        most, role = _most(pod, "ephemeral-storage"), (pod["metadata"].get("labels") or {}).get("coursehub/role")
        home, stays = ("its home, ", "/course") if role == "grading" else ("", "your home")
        sentence = (
            f"Your server put more into {home}caches, /tmp and its log than {most}, and was ended. That is gone, and "
            f"what you saved elsewhere is there; put large files into {stays}, or ask your teacher for more scratch."
        )
        return Diagnosis(Cause.SCRATCH, sentence, detail, 0)
    if reason == "Evicted":
        sentence = (
            "The machine that your server ran on ran short of memory or disk, and ended it. Please start it again."
        )
        return Diagnosis(Cause.EVICTED, sentence, detail, 0)
    if reason in _UNFIT:
        sentence = (
            "The machine that was chosen for your server cannot run it as it is set up. Please tell the "
            "administrators, who have to change that; until then it seldom helps to start it again."
        )
        return Diagnosis(Cause.UNFIT, sentence, detail, 0)
    sentence = "The machine that your server was on ended it or did not take it. Please start it again."
    return Diagnosis(Cause.NODE, sentence, detail, 0)


def _most(pod: Mapping[str, Any], resource: str) -> str:
    (container, *_) = pod.get("spec", {}).get("containers") or [{}]
    limit = str((container.get("resources", {}).get("limits") or {}).get(resource) or "")
    limit = resources.written(int(limit)) if limit.isdecimal() else limit
    whose = "of this course" if pod["metadata"].get("labels", {}).get("coursehub/course") else "that it may have"
    return f"the {limit} {whose}" if limit else "it may have"


def _too_much_memory(pod: Mapping[str, Any]) -> str:
    most = _most(pod, "memory")
    return (
        f"Your server used more memory than {most}, and was ended. What you saved is there; keep less in memory at a "
        "time, or ask your teacher for more."
    )


def _waiting(
    pod: Mapping[str, Any], waiting: Mapping[str, Any], events: Sequence[Mapping[str, Any]], zone: tzinfo
) -> Diagnosis | None:
    reason, message = waiting.get("reason"), waiting.get("message") or ""
    match reason:
        case "InvalidImageName" | "ErrImageNeverPull":
            return _no_image(message)
        case "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError":
            # Before Kubernetes 1.32 only the event says why.
            messages = [
                message,
                *(event.get("message") or "" for event in reversed(events) if event["reason"] == "Failed"),
            ]
            found = next((message for message in messages if _ABSENT.search(message)), None)
            return _registry(next(filter(None, messages), "")) if found is None else _no_image(found)
        case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
            if "volume" in message.lower() or "subpath" in message.lower():
                return _unmounted(message, 5)
            sentence = "Your server cannot be set up on its machine. Please tell the administrators."
            return Diagnosis(Cause.CONFIGURATION, sentence, plain.line(f"{reason}: {message}"), 5)
        case None | "ContainerCreating" | "PodInitializing":
            return _preparing(events, zone)
    return None


def _preparing(events: Sequence[Mapping[str, Any]], zone: tzinfo) -> Diagnosis | None:
    newest = {event["reason"]: event for event in events}
    if _PREPARED.isdisjoint(newest):
        failed = [event for event in events if event["reason"] in _UNMOUNTED]
        if failed:
            return _unmounted(failed[-1].get("message") or "", 8)
        if sandbox := newest.get("FailedCreatePodSandBox"):
            sentence = "The machine of your server cannot prepare it."
            return _passing(Cause.NODE, sentence, sandbox.get("message") or "", "It goes on trying.")
        return None
    if "Pulling" in newest and newest.keys().isdisjoint({"Pulled", "Created", "Started"}):
        event = newest["Pulling"]
        began = _time(event.get("firstTimestamp") or event.get("eventTime")).astimezone(zone)
        sentence = f"The image of your server is being fetched to its machine, since {began:%H:%M:%S}."
        return _passing(Cause.PULLING, sentence, event.get("message") or "", "This can take some minutes.")
    return None


def _unscheduled(status: Mapping[str, Any]) -> Diagnosis | None:
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("reason")) == ("PodScheduled", "Unschedulable"):
            message = condition.get("message") or ""
            if "persistentvolumeclaim" in message.lower():
                return _unmounted(message, 10)
            sentence = "There is no room for your server on the machines."
            return _passing(Cause.ROOM, sentence, message, "It waits, and starts as soon as there is.")
    return None


def _passing(cause: Cause, sentence: str, detail: str, meanwhile: str) -> Diagnosis:
    return Diagnosis(cause, sentence, plain.line(detail), meanwhile=meanwhile)


def _no_image(detail: str) -> Diagnosis:
    sentence = "The image of your server is not there, or may not be fetched. Please tell your teacher."
    return Diagnosis(Cause.IMAGE, sentence, plain.line(detail), 0)


def _registry(detail: str) -> Diagnosis:
    return _passing(Cause.REGISTRY, "The image of your server cannot be fetched.", detail, "It goes on trying.")


def _unmounted(detail: str, seconds: float) -> Diagnosis:
    sentence = (
        "The storage with your files cannot be connected to your server. Nothing is lost; please try again in some "
        "minutes, and tell the administrators if it stays so."
    )
    return Diagnosis(Cause.VOLUME, sentence, plain.line(detail), seconds)
