"""A restart of one of the three that everybody's servers depend on, without touching any of those."""

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from coursehub.errors import CoursehubError

from . import hub, kubectl
from .shell import SERVERS

_EVERY = 1.0


@dataclass(frozen=True)
class Part:
    """What can be restarted: its Deployment, where that is, and what people notice meanwhile."""

    deployment: str
    meanwhile: str
    storage: bool = False

    def namespace(self, release: str) -> str:
        """Where it runs, for a release in that namespace."""
        return f"{release}-storage" if self.storage else release


PARTS = {
    "hub": Part("hub", "nobody can log in, start or stop; open notebooks go on"),
    "proxy": Part("proxy", "open pages lose their connection and take it up again by themselves"),
    "provisioner": Part("coursehub-provisioner", "nothing, as the new one is there before the old one goes", True),
}


def restart(options: Namespace) -> int:
    """Restarts a part and says each step; raises CoursehubError where it is not back in time."""
    part = PARTS[options.part]
    namespace = part.namespace(options.namespace)
    if kubectl.get(namespace, "deployment", part.deployment) is None:
        raise CoursehubError(f"there is no {options.part} in namespace {namespace}; name its release's by --namespace")
    before = _servers(options.namespace)
    print(f"{options.part}: meanwhile {part.meanwhile}")
    if options.dry_run:
        print(f"{options.part}: would be restarted; {len(before)} servers run")
        return 0
    began = time.monotonic()
    kubectl.run(namespace, "rollout", "restart", f"deployment/{part.deployment}")
    _follow(options, began, lambda: stage(_deployment(namespace, part)), READY)
    if options.part == "proxy":
        _follow(options, began, lambda: _routed(options.namespace), ROUTED)
    took = time.monotonic() - began
    stayed = before & _servers(options.namespace)
    print(f"{options.part}: done in {took:.0f} s; {len(stayed)} of {len(before)} servers ran on")
    return 0


READY, ROUTED = "the new pod is ready", "each running server has its route"


def stage(deployment: kubectl.Object) -> str:
    """How far the roll-out of a Deployment has come, as READY in the end."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "asked"
    if status.get("updatedReplicas", 0) < wanted:
        return "the old pod is ending"
    if status.get("availableReplicas", 0) < wanted or status.get("replicas", 0) > wanted:
        return "the new pod is starting"
    return READY


def _follow(options: Namespace, began: float, look: Callable[[], str], end: str) -> None:
    """Says each thing that `look` finds, once, until that is `end`."""
    said = ""
    while said != end:
        now = look()
        if now != said:
            print(f"{options.part}: {now} ({time.monotonic() - began:.0f} s)", flush=True)
            said = now
        elif time.monotonic() - began > options.timeout:
            raise CoursehubError(
                f"{options.part}: after {options.timeout} s still: {said}. Nothing is taken back; "
                f"`coursehub status --namespace {options.namespace}` says what is wrong"
            )
        else:
            time.sleep(_EVERY)


def _routed(namespace: str) -> str:
    try:
        missing = hub.ask(namespace, {"ask": "status"})["unrouted"]
    except hub.NoAnswer as error:
        return str(error)
    if isinstance(missing, str):
        return missing
    return f"servers still without a route: {len(missing)}" if missing else ROUTED


def _deployment(namespace: str, part: Part) -> kubectl.Object:
    found = kubectl.get(namespace, "deployment", part.deployment)
    if found is None:
        raise CoursehubError(f"the Deployment {part.deployment} is gone from namespace {namespace}")
    return found


def _servers(namespace: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kubectl.get_all(namespace, "pods", SERVERS)}
