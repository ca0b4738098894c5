"""What has become of an execution, in a word and a sentence: read from its pod, as Kubernetes has it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .execution import Step


class Phase(StrEnum):
    """How far an execution is; the last two are its end."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Nothing of it runs any more."""
        return self in (Phase.DONE, Phase.FAILED)


@dataclass(frozen=True)
class State:
    """How far an execution is, and in a sentence for the instructor what it waits for or why it failed.

    Where `again` holds it failed by something that passes, and the same run may succeed.
    """

    phase: Phase
    sentence: str = ""
    again: bool = False


_SAID: Mapping[tuple[str, int], str] = {
    (Step.FETCH, 66): "There is no notebook to execute in the run's folder, or others may not read it.",
    (Step.FETCH, 65): "What was handed in is too large to be executed, or has more than plain files and folders.",
    (Step.EXECUTE, 77): (
        "Nothing was executed, because this cluster does not keep its network from what is graded. Please tell the "
        "administrators: network policies are not enforced."
    ),
    (Step.EXECUTE, 65): "What was handed in is no notebook.",
    (Step.EXECUTE, 69): "The notebook's kernel did not start; look whether the course's image has it.",
    (Step.EXECUTE, 70): ("The notebook's kernel ended before all was executed, often because it used too much memory."),
    (Step.EXECUTE, 76): (
        "A cell took too long, and its code cannot be interrupted; edit what was collected so that it ends, then do it "
        "again."
    ),
    (Step.EXECUTE, 73): "What was executed left no place for its own result.",
    (Step.DELIVER, 66): "Nothing came back from the execution.",
    (Step.DELIVER, 65): "The executed notebook is too large, or no plain file; often because it printed without end.",
    (Step.DELIVER, 73): "The executed notebook could not be saved: the course's folder is full, or the run's is gone.",
}
# Kubelet writes how large a volume or a container's own was.
_OVER = re.compile(r"EmptyDir volume .* exceeds|local ephemeral storage limit|ephemeral local storage usage exceeds")
_NO_IMAGE = re.compile(r"not ?found|manifest unknown|does not exist|denied|unauthorized|Forbidden", re.IGNORECASE)


def state(pod: Mapping[str, Any]) -> State:
    """What has become of the pod, as Kubernetes has it."""
    status = pod.get("status") or {}
    steps = {each["name"]: each.get("state") or {} for each in _statuses(status)}
    if status.get("phase") == "Succeeded":
        return State(Phase.DONE)
    failed = next((step for step, found in steps.items() if (found.get("terminated") or {}).get("exitCode")), None)
    if status.get("phase") == "Failed" or failed:
        ended = steps[failed]["terminated"] if failed else {}
        return _taken_off(pod, status) or _exited(str(failed), ended)
    if pod["metadata"].get("deletionTimestamp"):
        return _passing("The execution was taken away before it ended.")
    if any("running" in found or "terminated" in found for found in steps.values()):
        return State(Phase.RUNNING)
    return _waiting(status, [found["waiting"] for found in steps.values() if found.get("waiting")])


def _statuses(status: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))


def _taken_off(pod: Mapping[str, Any], status: Mapping[str, Any]) -> State | None:
    match status.get("reason"):
        case None | "":
            return None
        case "DeadlineExceeded":
            seconds = pod["spec"]["activeDeadlineSeconds"]
            return State(Phase.FAILED, f"The execution took longer than {seconds} seconds, and was ended.")
        case "Evicted" if _OVER.search(status.get("message") or ""):
            return State(Phase.FAILED, "The execution wrote more than its scratch may hold, and was ended.")
    return _passing("The machine that the execution was on ended it.")


def _exited(step: str, ended: Mapping[str, Any]) -> State:
    code = ended.get("exitCode")
    match ended.get("reason"):
        case "OOMKilled":
            return State(Phase.FAILED, "The execution used more memory than grading has in this course, and was ended.")
        case "StartError" | "ContainerCannotRun":
            sentence = (
                f"The course's image has no working coursehub-{step}; take a newer one, or autograde in 'grading'."
            )
            return State(Phase.FAILED, sentence)
    if code is None:
        return _passing("The execution ended, and its machine does not say why.")
    if said := _SAID.get((step, code)):
        return State(Phase.FAILED, said)
    if step == Step.EXECUTE and code == 137:
        sentence = "The execution was killed (exit code 137). Often that is because it used too much memory."
        return State(Phase.FAILED, sentence)
    return _passing(f"The step '{step}' ended with exit code {code}.")


def _passing(sentence: str) -> State:
    return State(Phase.FAILED, f"{sentence} It can be started again.", again=True)


def _waiting(status: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]]) -> State:
    for waiting in reasons:
        match waiting.get("reason"):
            case "InvalidImageName" | "ErrImageNeverPull":
                return State(Phase.FAILED, "The course's image is not there, or may not be fetched.")
            case "ErrImagePull" | "ImagePullBackOff":
                gone = _NO_IMAGE.search(waiting.get("message") or "")
                why = "is not there, or may not be fetched" if gone else "cannot be fetched"
                return State(Phase.WAITING, f"The course's image {why}; the machine goes on trying.")
            case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
                return State(Phase.WAITING, "The execution cannot be set up on its machine, which goes on trying.")
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("reason")) == ("PodScheduled", "Unschedulable"):
            return State(Phase.WAITING, "There is no room on the machines; it begins as soon as there is.")
    return State(Phase.WAITING, "It waits for its machine.")
