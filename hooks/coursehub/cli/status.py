"""`coursehub status`: a line for each part of an installation; one that is wrong says what to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from . import hub, kubectl, options, tls
from .common import FINE, PROBLEMS, say

# Ours and upstream's, without anybody's server.
PARTS = "app.kubernetes.io/name in (jupyterhub, coursehub),component!=singleuser-server"


@dataclass(frozen=True)
class Line:
    """What one part is like; `todo` is there where that is wrong."""

    what: str
    message: str
    todo: str | None = None


@click.command(
    "status",
    cls=options.Verb,
    short_help="Say what is running and how it is.",
    example="coursehub status --namespace coursehub",
)
@options.namespace
@options.as_json
def command(namespace: str, as_json: bool) -> int:
    """Say for each part whether it is ready, which versions run, and how the rest is.

    The rest is course files, certificate, storage, spawn test and servers. A line that begins with ! is wrong, and the
    next one says what to do. Exit 0: all is well, 1: something is wrong.
    """
    lines = list(_look(namespace, datetime.now(UTC)))
    # Scripts know the message by this name.
    answer = [{"what": line.what, "said": line.message, "todo": line.todo} for line in lines]
    say(answer, _text(lines), as_json=as_json)
    return PROBLEMS if any(line.todo for line in lines) else FINE


def _text(lines: Sequence[Line]) -> Iterator[str]:
    width = max(len(line.what) for line in lines)
    for line in lines:
        yield f"{'!' if line.todo else ' '} {line.what:{width}}  {line.message}"
        if line.todo:
            yield f"  {'':{width}}  -> {line.todo}"


def _look(namespace: str, now: datetime) -> Iterator[Line]:
    storage = f"{namespace}-storage"
    places = [
        (place, kubectl.get_all(place, "deployments", PARTS), kubectl.get_all(place, "pods", PARTS))
        for place in (namespace, storage)
    ]
    for place, deployments, pods in places:
        for deployment in deployments:
            yield running(place, deployment, pods, now)
    names = {deployment["metadata"]["name"] for deployment in places[0][1]}
    for missing in sorted({"hub", "proxy"} - names):
        yield Line(missing, f"not in namespace {namespace}", "name the release's namespace by --namespace")
    if "hub" not in names:
        return
    charts = [kubectl.get(namespace, "configmap", "coursehub-site"), *places[0][1]]
    try:
        reply = hub.ask(namespace, {"ask": "status"})
    except hub.NoAnswer as error:
        look = f"kubectl --namespace {namespace} logs deployment/hub --container hub"
        yield Line("answer", str(error), f"look at: {look}")
    else:
        yield from of_hub(reply, _charts(charts), now)


def running(namespace: str, deployment: kubectl.Object, pods: Sequence[kubectl.Object], now: datetime) -> Line:
    """Whether a Deployment has the pods it wants, since when, and how often their containers restarted."""
    name, wanted = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    labels = deployment["spec"]["selector"]["matchLabels"]
    own = [pod for pod in pods if labels.items() <= pod["metadata"].get("labels", {}).items()]
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    containers = [container for pod in own for container in pod["status"].get("containerStatuses", [])]
    restarts = sum(container["restartCount"] for container in containers)
    since = min((pod["metadata"]["creationTimestamp"] for pod in own), default=None)
    parts = [f"{ready} of {wanted} ready" if ready < wanted or wanted != 1 else "ready"]
    if since:
        parts.append(f"for {_age(now - datetime.fromisoformat(since))}")
    if restarts:
        parts.append(f"{restarts} restarts")
    waiting = [container["state"]["waiting"] for container in containers if "waiting" in container["state"]]
    parts += sorted({state["reason"] for state in waiting})
    todo = None
    if wanted == 0:
        todo = f"scaled to nothing; kubectl --namespace {namespace} scale deployment/{name} --replicas 1"
    elif ready < wanted:
        todo = f"look at: kubectl --namespace {namespace} describe deployment/{name} and logs deployment/{name}"
    return Line(name, ", ".join(parts), todo)


def of_hub(reply: Mapping[str, Any], charts: str, now: datetime) -> Iterator[Line]:
    """The lines that the hub's reply to {"ask": "status"} comes to."""
    hub, spawner, package = (reply["versions"][name] for name in ("jupyterhub", "kubespawner", "package"))
    yield Line("versions", f"{charts}; JupyterHub {hub}, KubeSpawner {spawner}, package {package}")
    yield _courses(reply["courses"])
    yield _certificate(reply["certificate"], now)
    if reply["share"] is None:
        yield Line("share", "not mounted here: the provisioner looks")
    else:
        todo = "see to the file server; no server starts until it answers"
        yield _answers("share", reply["share"]["failure"], todo)
    if reply["provisioner"] is not None:
        todo = "see to it: `coursehub restart provisioner`, or its unit on the storage host"
        yield _answers("directories", reply["provisioner"]["failure"], todo)
    yield _spawn_test(reply["spawn_test"], now)
    yield from _servers(reply["servers"], reply["unrouted"])


def _courses(courses: Mapping[str, Any]) -> Line:
    message = f"{courses['live']} live, generation {courses['generation']} of {courses['time']}"
    if courses["failure"]:
        return Line("courses", f"{message}; {courses['failure']}", "the files could not be read: look at the hub's log")
    if courses["problems"]:
        count = len(courses["problems"])
        message += f"; {count} {'mistake' if count == 1 else 'mistakes'}, the first: {courses['problems'][0]}"
        return Line("courses", message, "correct the file; `coursehub course list` says all, and what stayed as it was")
    if courses["unsaved"]:
        return Line(
            "courses", f"{message}; {courses['unsaved']}", "a restart would not know them: see to the hub's volume"
        )
    return Line("courses", message)


def _certificate(ends: float | None, now: datetime) -> Line:
    if ends is None:
        return Line("certificate", "no TLS here")
    end = datetime.fromtimestamp(ends, UTC)
    left = end - now
    message = (
        f"{left / timedelta(days=1):.0f} days left, until {end.date()}" if end >= now else f"ended on {end.date()}"
    )
    return Line("certificate", message, "renew it, then `coursehub secrets apply`" if left < tls.SOON else None)


def _answers(what: str, failure: str | None, todo: str) -> Line:
    return Line(what, "answers") if failure is None else Line(what, failure, todo)


def _spawn_test(found: Mapping[str, Any] | None, now: datetime) -> Line:
    if found is None:
        return Line("spawn test", "never")
    ago = _age(now - datetime.fromtimestamp(found["at"], UTC))
    if found["ok"]:
        return Line("spawn test", f"{found['course']} well in {found['seconds']:.0f} s, {ago} ago")
    message = f"{found['course']} failed {ago} ago: {found['reason']}"
    return Line("spawn test", message, "start that course yourself; docs/admins.md says how to run the test once more")


def _servers(count: Mapping[str, int], unrouted: Sequence[str] | str) -> Iterator[Line]:
    moving = f", {count['pending']} starting or stopping" if count["pending"] else ""
    message = f"{count['ready']} running{moving}"
    if isinstance(unrouted, str):
        yield Line("servers", f"{message}; {unrouted}", "`coursehub restart proxy`")
    elif unrouted:
        yield Line(
            "servers", f"{message}; {len(unrouted)} have no route, {unrouted[0]} for one", "`coursehub restart hub`"
        )
    else:
        yield Line("servers", message)


def _charts(objects: Sequence[kubectl.Object | None]) -> str:
    labels = [found["metadata"].get("labels", {}).get("helm.sh/chart") for found in objects if found]
    return ", ".join(dict.fromkeys(label for label in labels if label))


def _age(passed: Any) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
