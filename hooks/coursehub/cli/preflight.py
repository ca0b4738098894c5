"""`coursehub preflight`: before the install, whether this cluster is one in which it works."""

import json
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from coursehub.errors import CoursehubError
from coursehub.version import VERSION

from . import kubectl, options, report, values
from .cluster import classes, dns, mount, namespaces, nodes, policies, rights, version, volumes
from .cluster.mount import Trial
from .report import Line
from .values import Values, at

_EVERY = 2.0
_IMAGE = "jupyterhub.hub.image"


@click.command(
    "preflight",
    cls=options.Verb,
    short_help="Before the install: say whether this cluster has what it takes.",
    example="coursehub preflight --site values/SITE.yaml --namespace coursehub",
)
@options.site_if_any
@options.namespace
@click.option("--no-job", is_flag=True, help="Make nothing, so do not try to mount the site's NFS.")
@click.option("--image", metavar="REFERENCE", help=f"What the Job runs; by default {_IMAGE} with this version's tag.")
@click.option(
    "--timeout",
    type=options.whole(1, 86400),
    default=180,
    show_default=True,
    metavar="SECONDS",
    help="For how long to wait for the Job.",
)
@options.as_json
def command(sites: Sequence[Path], namespace: str, no_job: bool, image: str | None, timeout: int, as_json: bool) -> int:
    """Say of each thing that the install takes whether it is there; of one that is not, what to do.

    It only looks, with one exception: where --site has storage.nfs, a Job on each node for servers mounts that,
    read-only, and Jobs, claim and volume are removed at the end; --no-job does without. Exit 0: nothing is in the way,
    1: something is, or could not be looked at.
    """
    site = values.of(sites)
    found = kubectl.look(namespace, "nodes")
    lines = [*_looked(namespace, site, found)]
    lines += _mounted(namespace, site, found, image, timeout, no_job=no_job)
    return report.show(lines, as_json=as_json)


def _looked(namespace: str, site: Values, found: list[kubectl.Object] | None) -> Iterator[Line]:
    everywhere = "--all-namespaces"
    yield version.line(json.loads(kubectl.run(namespace, "version", "--output", "json")))
    yield nodes.line(found)
    yield _namespace(namespace)
    questions = list(rights.wanted(site, namespace))
    asked = json.dumps(kubectl.listed(rights.reviews(questions)))
    given = kubectl.run(namespace, "create", "--filename", "-", "--output", "json", stdin=asked)
    yield from rights.lines(questions, rights.answers(given))
    there = kubectl.look(namespace, "persistentvolumes")
    yield classes.line(kubectl.look(namespace, "storageclasses"), there, site, namespace)
    daemonsets = kubectl.look(namespace, "daemonsets", everywhere)
    yield _names(namespace, site, daemonsets or [])
    yield policies.line(daemonsets, found)
    if at(site, "storage").get("existingClaim"):
        yield volumes.claim(namespace, kubectl.get(namespace, "persistentvolumeclaim", volumes.CLAIM))
    yield from volumes.released(namespace, there or [])


def _namespace(name: str) -> Line:
    try:
        return namespaces.line(name, kubectl.get(name, "namespace", name))
    except kubectl.Forbidden:
        return namespaces.unseen(name)


def _names(namespace: str, site: Values, daemonsets: Sequence[kubectl.Object]) -> Line:
    everywhere = "--all-namespaces"
    services = kubectl.look(namespace, "services", everywhere)
    slices = kubectl.look(namespace, "endpointslices", everywhere)
    if services is None or slices is None:
        todo = "have somebody look who may, or try: `helm test` says after the install whether servers find names"
        return Line("DNS", "this account may not list Services and EndpointSlices of other namespaces", todo)
    opened = at(site, "network.dns")
    pods = [pod for place in dns.namespaces(services, opened) for pod in kubectl.look(place, "pods") or []]
    answering = list(dns.servers(services, slices, pods, daemonsets))
    return dns.line(answering, opened, namespace, kubectl.look(namespace, "namespaces") or [])


def _mounted(
    namespace: str,
    site: Values,
    found: Sequence[kubectl.Object] | None,
    image: str | None,
    timeout: int,
    *,
    no_job: bool,
) -> Iterator[Line]:
    if not at(site, "storage.nfs"):
        return
    names = [node["metadata"]["name"] for node in nodes.for_servers(found or []) if _ready(node)]
    hub = at(site, _IMAGE)
    image = image or (f"{hub['name']}:{hub.get('tag') or VERSION}" if hub.get("name") else None)
    if no_job:
        yield Line("NFS", "not tried, as --no-job says")
    elif image is None:
        yield Line("NFS", "not tried: no image is named", f"write {_IMAGE}.name, or name an image by --image")
    elif not names:
        yield Line(
            "NFS", "not tried: no node for servers is known", "see to the nodes, or ask somebody who may list them"
        )
    else:
        name = f"coursehub-preflight-{secrets.token_hex(3)}"
        yield from _try(Trial(namespace, name, names, site, image, timeout))


def _ready(node: kubectl.Object) -> bool:
    conditions = node["status"].get("conditions") or ()
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def _try(trial: Trial) -> list[Line]:
    wanted = json.dumps(kubectl.listed(mount.manifests(trial)))
    lines: list[Line] = []
    with _interruptible():
        try:
            kubectl.run(trial.namespace, "create", "--filename", "-", stdin=wanted)
            lines += _result(trial)
        except kubectl.KubectlError as error:
            lines.append(Line("NFS", f"not tried: {error}", "see to that, or leave the trial out by --no-job"))
        finally:
            lines += _removed(trial)
    return lines


@contextmanager
def _interruptible() -> Iterator[None]:
    """Whoever ends the process, it ends as by Ctrl-C, which leaves time to take away what it made."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _result(trial: Trial) -> Iterator[Line]:
    end = time.monotonic() + trial.seconds
    while True:
        pods = kubectl.get_all(trial.namespace, "pods", trial.own)
        events = kubectl.look(trial.namespace, "events", "--field-selector", "involvedObject.kind=Pod") or []
        done = len(pods) == len(trial.nodes) and all(mount.ended(pod, events) for pod in pods)
        if done or time.monotonic() > end:
            yield from mount.lines(trial, pods, events)
            return
        time.sleep(_EVERY)


def _removed(trial: Trial) -> Iterator[Line]:
    wait = ("--ignore-not-found", "--timeout=50s")
    failed: list[CoursehubError] = []
    # Pods before the claim that they use, and that before its volume: otherwise each waits for the next.
    for what in (
        ("jobs", "--selector", trial.own, "--cascade=foreground"),
        ("persistentvolumeclaims", "--selector", trial.own),
        ("persistentvolumes", trial.name),
    ):
        try:
            kubectl.run(trial.namespace, "delete", *what, *wait)
        except CoursehubError as error:
            failed.append(error)
    if failed:
        kinds = "jobs,persistentvolumeclaims,persistentvolumes"
        todo = f"kubectl --namespace {trial.namespace} delete {kinds} --selector {trial.own}"
        yield Line("NFS", f"what the trial made could not be removed: {failed[0]}", todo)
