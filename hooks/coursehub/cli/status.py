"""How an installation is, in a line for each part of it; a line that is wrong says what to do."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from . import hub, kubectl

# Ours and upstream's, without anybody's server.
PARTS = "app.kubernetes.io/name in (jupyterhub, coursehub),component!=singleuser-server"
SOON = 14
_DAY = 86400.0


@dataclass(frozen=True)
class Line:
    """What one part is like; `todo` is there where that is wrong."""

    what: str
    said: str
    todo: str | None = None


def status(options: Namespace) -> int:
    """Says what is running and how it is; 1 where something is wrong."""
    lines = list(_look(options.namespace, datetime.now(UTC)))
    if options.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        width = max(len(line.what) for line in lines)
        for line in lines:
            print(f"{'!' if line.todo else ' '} {line.what:{width}}  {line.said}")
            if line.todo:
                print(f"  {'':{width}}  -> {line.todo}")
    return 1 if any(line.todo for line in lines) else 0


def _look(namespace: str, now: datetime) -> Iterator[Line]:
    storage = f"{namespace}-storage"
    places = [
        (place, kubectl.get_all(place, "deployments", PARTS), kubectl.get_all(place, "pods", PARTS))
        for place in (namespace, storage)
    ]
    for place, deployments, pods in places:
        for deployment in deployments:
            yield running(place, deployment, pods, now)
    names = {each["metadata"]["name"] for each in places[0][1]}
    for missing in sorted({"hub", "proxy"} - names):
        yield Line(missing, f"not in namespace {namespace}", "name the release's namespace by --namespace")
    if "hub" not in names:
        return
    charts = [kubectl.get(namespace, "configmap", "coursehub-site"), *places[0][1]]
    try:
        answer = hub.ask(namespace, {"ask": "status"})
    except hub.NoAnswer as error:
        look = f"kubectl --namespace {namespace} logs deployment/hub --container hub"
        yield Line("answer", str(error), f"look at: {look}")
    else:
        yield from told(answer, _charts(charts), now)


def running(namespace: str, deployment: kubectl.Object, pods: Sequence[kubectl.Object], now: datetime) -> Line:
    """Whether a Deployment has the pods it wants, since when, and how often their containers restarted."""
    name, wanted = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    labels = deployment["spec"]["selector"]["matchLabels"]
    own = [pod for pod in pods if labels.items() <= pod["metadata"].get("labels", {}).items()]
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    containers = [each for pod in own for each in pod["status"].get("containerStatuses", [])]
    restarts = sum(each["restartCount"] for each in containers)
    since = min((pod["metadata"]["creationTimestamp"] for pod in own), default=None)
    said = [f"{ready} of {wanted} ready" if ready < wanted or wanted != 1 else "ready"]
    if since:
        said.append(f"for {_age(now - datetime.fromisoformat(since))}")
    if restarts:
        said.append(f"{restarts} restarts")
    said += sorted({each["state"]["waiting"]["reason"] for each in containers if "waiting" in each["state"]})
    todo = None
    if wanted == 0:
        todo = f"scaled to nothing; kubectl --namespace {namespace} scale deployment/{name} --replicas 1"
    elif ready < wanted:
        todo = f"look at: kubectl --namespace {namespace} describe deployment/{name} and logs deployment/{name}"
    return Line(name, ", ".join(said), todo)


def told(answer: Mapping[str, Any], charts: str, now: datetime) -> Iterator[Line]:
    """What the hub's answer to {"ask": "status"} comes to."""
    has = answer["versions"]
    yield Line(
        "versions",
        f"{charts}; JupyterHub {has['jupyterhub']}, KubeSpawner {has['kubespawner']}, package {has['package']}",
    )
    yield _courses(answer["courses"])
    yield _certificate(answer["certificate"], now)
    yield _answers("share", answer["share"], "see to the file server; no server starts until it answers")
    if answer["provisioner"] is not None:
        todo = "see to it: `coursehub restart provisioner`, or its unit on the storage host"
        yield _answers("directories", answer["provisioner"]["failure"], todo)
    yield _spawn_test(answer["spawn_test"], now)
    yield from _servers(answer["servers"], answer["unrouted"])


def _courses(has: Mapping[str, Any]) -> Line:
    said = f"{has['live']} live, generation {has['generation']} of {has['time']}"
    if has["failure"]:
        return Line("courses", f"{said}; {has['failure']}", "the files could not be read: look at the hub's log")
    if has["problems"]:
        count = len(has["problems"])
        said += f"; {count} {'mistake' if count == 1 else 'mistakes'}, the first: {has['problems'][0]}"
        return Line("courses", said, "correct the file; `coursehub course list` says all, and what stayed as it was")
    if has["unsaved"]:
        return Line("courses", f"{said}; {has['unsaved']}", "a restart would not know them: see to the hub's volume")
    return Line("courses", said)


def _certificate(ends: float | None, now: datetime) -> Line:
    if ends is None:
        return Line("certificate", "no TLS here")
    days = (ends - now.timestamp()) / _DAY
    day = datetime.fromtimestamp(ends, UTC).date()
    said = f"{days:.0f} days left, until {day}" if days >= 0 else f"ended on {day}"
    return Line("certificate", said, "renew it, then `coursehub secrets apply`" if days < SOON else None)


def _answers(what: str, failure: str | None, todo: str) -> Line:
    return Line(what, "answers") if failure is None else Line(what, failure, todo)


def _spawn_test(found: Mapping[str, Any] | None, now: datetime) -> Line:
    if found is None:
        return Line("spawn test", "never")
    ago = _age(now - datetime.fromtimestamp(found["at"], UTC))
    if found["ok"]:
        return Line("spawn test", f"{found['course']} well in {found['seconds']:.0f} s, {ago} ago")
    said = f"{found['course']} failed {ago} ago: {found['reason']}"
    return Line("spawn test", said, "start that course yourself; docs/admins.md says how to run the test once more")


def _servers(count: Mapping[str, int], unrouted: Sequence[str] | str) -> Iterator[Line]:
    moving = f", {count['pending']} starting or stopping" if count["pending"] else ""
    said = f"{count['ready']} running{moving}"
    if isinstance(unrouted, str):
        yield Line("servers", f"{said}; {unrouted}", "`coursehub restart proxy`")
    elif unrouted:
        yield Line(
            "servers", f"{said}; {len(unrouted)} have no route, {unrouted[0]} for one", "`coursehub restart hub`"
        )
    else:
        yield Line("servers", said)


def _charts(objects: Sequence[kubectl.Object | None]) -> str:
    labels = [each["metadata"].get("labels", {}).get("helm.sh/chart") for each in objects if each]
    return ", ".join(dict.fromkeys(label for label in labels if label))


def _age(passed: Any) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
