"""The record of a server that failed: what the hub saw of its pod before the pod was deleted."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from coursehub import text as plain

from . import diagnosis
from .diagnosis import Cause, Diagnosis

_EVENTS = 20
# What an admin has to do, where Kubernetes' own words do not say it.
_TODO = {
    Cause.UNFIT: "see to that node, or keep servers off it by jupyterhub.singleuser.nodeSelector; "
    "`coursehub preflight` names each whose container runtime is too old, and says what to do",
}

Stage = Literal["start", "running", "stop"]
_WHEN: dict[str, str] = {"start": "as it started", "running": "while it ran", "stop": "as it was to end"}


@dataclass(frozen=True)
class Failure:
    """One server that failed at `time` (UTC), or did not end; words and reason as in its Diagnosis."""

    user: str
    time: str
    stage: Stage
    reason: str
    sentence: str
    detail: str
    exit_code: int | None
    course: str | None
    role: str | None
    pod: str
    node: str | None
    image: str | None
    lines: tuple[str, ...]
    events: tuple[str, ...]


def of(
    user: str,
    moment: datetime,
    stage: Stage,
    why: Diagnosis,
    pod: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]],
) -> Failure:
    """The record of `user`'s `pod`, which failed at the aware `moment` because of `why`."""
    labels = pod["metadata"].get("labels") or {}
    spec = pod.get("spec") or {}
    return Failure(
        user=user,
        time=written(moment),
        stage=stage,
        reason=str(why.cause),
        sentence=why.sentence,
        detail=why.detail,
        exit_code=why.exit_code,
        course=labels.get("coursehub/course"),
        role=labels.get("coursehub/role"),
        pod=pod["metadata"]["name"],
        node=spec.get("nodeName"),
        image=next((container.get("image") for container in spec.get("containers") or ()), None),
        lines=why.lines,
        events=tuple(map(_event, diagnosis.of_pod(pod, events)[-_EVENTS:])),
    )


def written(moment: datetime) -> str:
    """An aware `moment` as records have it; later ones sort behind earlier ones."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _event(event: Mapping[str, Any]) -> str:
    times = f" ({event['count']} times)" if (event.get("count") or 1) > 1 else ""
    line = f"{event.get('type')} {event.get('reason')}{times}: {event.get('message') or ''}"
    return f"{diagnosis.last_time(event).astimezone(UTC):%H:%M:%S} {plain.line(line)}"


def dump(failures: Sequence[Failure]) -> bytes:
    """The records as JSON."""
    return json.dumps([asdict(failure) for failure in failures]).encode()


def parse(content: bytes) -> list[Failure]:
    """The records in what `dump` made; raises ValueError, TypeError or KeyError where it is something else."""
    return [
        Failure(**{**kept, "lines": tuple(kept["lines"]), "events": tuple(kept["events"])})
        for kept in json.loads(content)
    ]


def text(failure: Mapping[str, Any]) -> Iterator[str]:
    """A record, as plain data, in lines for an admin."""
    what = f"{failure['course']}, as {failure['role']}" if failure["course"] else "general use"
    yield f"{failure['time']}  {failure['user']}: {what}: failed {_WHEN[failure['stage']]}: {failure['reason']}"
    yield f"  told the person: {failure['sentence']}"
    if failure["detail"]:
        yield f"  Kubernetes: {failure['detail']}"
    if todo := _TODO.get(failure["reason"]):
        yield f"  -> {todo}"
    yield f"  pod {failure['pod']} on {failure['node'] or 'no node'}, image {failure['image'] or 'unknown'}"
    for name in ("events", "lines"):
        if failure[name]:
            yield f"  {'its events (UTC)' if name == 'events' else 'its last lines'}:"
            yield from (f"    {line}" for line in failure[name])
