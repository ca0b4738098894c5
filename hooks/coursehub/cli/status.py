"""`coursehub status`: a line for each part of an installation; one that is wrong says what to do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from coursehub.hub.admin import release

from . import hub, kubectl, options, report, tls
from .cluster import namespaces, volumes
from .cluster import nodes as runtimes
from .report import Line

# Not anybody's server.
PARTS = "component!=singleuser-server"
# The taint by which somebody says that a node is off for certain.
OFF = "node.kubernetes.io/out-of-service"


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

    The rest is the namespace's label, course files, certificate, storage, spawn test and servers. A line that begins
    with ! is wrong, and the next one says what to do. Exit 0: all is well, 1: something is wrong.
    """
    return report.show(list(_look(namespace, datetime.now(UTC))), as_json=as_json)


def _look(namespace: str, now: datetime) -> Iterator[Line]:
    places = [
        (place, _own(kubectl.get_all(place, "deployments", PARTS)), _own(kubectl.get_all(place, "pods", PARTS)))
        for place in (namespace, namespaces.storage(namespace))
    ]
    for place, deployments, pods in places:
        for deployment in deployments:
            yield running(place, deployment, pods, now)
    yield from _namespace(namespace)
    yield from _nodes(namespace, now)
    yield from _volumes(namespace)
    names = {_labels(found).get("component"): found["metadata"]["name"] for found in places[0][1]}
    for missing in sorted({"hub", "proxy"} - names.keys()):
        yield Line(missing, f"not in namespace {namespace}", "name the release's namespace by --namespace")
    if "hub" not in names:
        return
    charts = [kubectl.get(namespace, "configmap", "coursehub-site"), *places[0][1]]
    try:
        reply = hub.ask(namespace, {"ask": "status"})
    except hub.NoAnswer as error:
        look = f"kubectl --namespace {namespace} logs deployment/{names['hub']} --container hub"
        yield Line("answer", str(error), f"look at: {look}")
    else:
        yield from of_hub(namespace, reply, _charts(charts), now)


def _own(found: Sequence[kubectl.Object]) -> list[kubectl.Object]:
    """The parts of this chart and of upstream's."""
    return [each for each in found if _is_own(_labels(each))]


def _is_own(labels: Mapping[str, str]) -> bool:
    # Upstream's by the two labels that it alone has, since its names are the site's.
    return labels.get("app.kubernetes.io/name") == "coursehub" or {"component", "release"} <= labels.keys()


def _labels(found: kubectl.Object) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


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


def _namespace(name: str) -> Iterator[Line]:
    with suppress(kubectl.Forbidden):
        yield namespaces.line(name, kubectl.get(name, "namespace", name))


def _nodes(namespace: str, now: datetime) -> Iterator[Line]:
    found = kubectl.look(namespace, "nodes")
    if found is not None:
        yield of_nodes(found, now)


def _volumes(namespace: str) -> Iterator[Line]:
    claim = kubectl.get(namespace, "persistentvolumeclaim", volumes.CLAIM)
    if claim is None or claim["status"].get("phase") == "Bound":
        return
    yield volumes.claim(namespace, claim)
    yield from volumes.released(namespace, kubectl.look(namespace, "persistentvolumes") or [])


def of_nodes(nodes: Sequence[kubectl.Object], now: datetime) -> Line:
    """How many nodes are ready; which are not, are cordoned, cannot run servers or have the taint that they are off."""
    said: list[str] = []
    ready = 0
    todo: dict[str, None] = {}
    for node in nodes:
        name, spec = node["metadata"]["name"], node["spec"]
        failure = _failure(node, now)
        unfit = "nodeInfo" in node["status"] and bool(runtimes.for_servers([node])) and not runtimes.strict(node)
        off = any(taint["key"] == OFF for taint in spec.get("taints", []))
        words = [
            failure,
            "is cordoned" if spec.get("unschedulable") else None,
            "has the taint out-of-service" if off else None,
            f"runs {runtimes.runtime(node)}, which cannot hold a server to its groups" if unfit else None,
        ]
        if any(words):
            said.append(f"{name} {' and '.join(filter(None, words))}")
        if failure:
            todo['docs/admins/nodes.md, "A node dies", says what to do'] = None
        elif off:
            todo[f"{name} runs, so take the word back: kubectl taint nodes {name} {OFF}=nodeshutdown:NoExecute-"] = None
        if unfit:
            todo[runtimes.remedy(node)] = None
        ready += not failure
    count = f"{ready} ready" if ready == len(nodes) else f"{ready} of {len(nodes)} ready"
    return Line("nodes", "; ".join([count, *said]), "; ".join(todo) or None)


def _failure(node: kubectl.Object, now: datetime) -> str | None:
    conditions = node["status"].get("conditions", [])
    condition = next((each for each in conditions if each["type"] == "Ready"), {"status": "Unknown"})
    if condition["status"] == "True":
        return None
    since = condition.get("lastTransitionTime")
    ago = f" for {_age(now - datetime.fromisoformat(since))}" if since else ""
    return f"has {'not been ready' if condition['status'] == 'False' else 'said nothing'}{ago}"


def of_hub(namespace: str, reply: Mapping[str, Any], charts: str, now: datetime) -> Iterator[Line]:
    """The lines that the hub's reply to {"ask": "status"} comes to."""
    yield _versions(reply["versions"], charts)
    yield _courses(reply["courses"])
    yield _state(reply["state"]["unsaved"])
    yield _certificate(reply["certificate"], now)
    if reply["share"] is not None:
        todo = "see to the file server; no server starts until it answers"
        yield _answers("share", reply["share"]["failure"], todo)
    if (service := reply["provisioner"]) is not None:
        todo = "see to it: `coursehub restart provisioner`, or its unit on the storage host"
        # An older hub's only made directories.
        if not service.get("makes", True):
            looker = f"kubectl --namespace {namespace} describe pods --selector app.kubernetes.io/component=looker"
            todo = f"see to it: {looker}; it waits for a file server that is down"
        failure = service["failure"] and f"{service['url']}: {service['failure']}"
        yield _answers("directories", failure, todo)
    yield _spawn_test(reply["spawn_test"], now)
    yield from _servers(reply["servers"], reply["unrouted"])


def _versions(versions: Mapping[str, str], charts: str) -> Line:
    hub, spawner, package = (versions[name] for name in ("jupyterhub", "kubespawner", "package"))
    todo = None
    if newer := release.newer(hub):
        todo = f"JupyterHub {newer} is out, and holes of older ones are published: make the hub's image with it"
    elif not release.tried(hub, spawner):
        todo = f"coursehub is tested with {release.RANGE}: make the hub's image with these"
    return Line("versions", f"{charts}; JupyterHub {hub}, KubeSpawner {spawner}, package {package}", todo)


def _courses(courses: Mapping[str, Any]) -> Line:
    message = f"{courses['live']} live, generation {courses['generation']} of {courses['time']}"
    if courses["failure"]:
        return Line("courses", f"{message}; {courses['failure']}", "the files could not be read: look at the hub's log")
    if courses["problems"]:
        count = len(courses["problems"])
        message += f"; {count} {'mistake' if count == 1 else 'mistakes'}, the first: {courses['problems'][0]}"
        return Line("courses", message, "correct the file; `coursehub course list` says all, and what stayed as it was")
    return Line("courses", message)


def _state(unsaved: str | None) -> Line:
    if unsaved is None:
        return Line("state", "outlasts a restart of the hub")
    todo = "a restart of the hub would not know last good courses, failures or the spawn test: see to what it names"
    return Line("state", unsaved, todo)


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
    todo = "start that course yourself; docs/admins/monitoring.md, The spawn test, says how to run the test once more"
    return Line("spawn test", message, todo)


def _servers(count: Mapping[str, int] | None, unrouted: Sequence[str] | str) -> Iterator[Line]:
    if count is None:
        yield Line("servers", "the hub's database does not answer", "see to the database that jupyterhub.hub.db names")
        return
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
