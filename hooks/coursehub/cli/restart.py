"""`coursehub restart`: one of the parts that everybody's servers depend on, without touching any of those."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from coursehub import terminal
from coursehub.errors import CoursehubError

from . import hub, kubectl, options
from .cluster import namespaces
from .common import FINE
from .shell import SERVERS

TIMEOUT = 300
_EVERY = 1.0


@dataclass(frozen=True)
class Part:
    """What can be restarted: what people notice meanwhile, and whether it runs in the storage's namespace."""

    meanwhile: str
    storage: bool = False

    def namespace(self, release: str) -> str:
        """Where it runs, for a release in that namespace."""
        return namespaces.storage(release) if self.storage else release


_NOTHING = "nothing, as the new one is there before the old one goes"
PARTS = {
    "hub": Part("nobody can log in, start or stop; open notebooks go on"),
    "proxy": Part("open pages lose their connection and take it up again by themselves"),
    "provisioner": Part(_NOTHING, True),
    "looker": Part(_NOTHING),
}


@click.command(
    "restart",
    cls=options.Verb,
    short_help="Restart hub, proxy, provisioner or looker; servers run on.",
    example="coursehub restart proxy",
)
@click.option(
    "--timeout",
    type=options.whole(0, 86400),
    default=TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="For how long to wait.",
)
@options.namespace
@options.dry_run
@click.argument("name", type=click.Choice(list(PARTS)), help="What to restart.")
def command(name: str, timeout: int, namespace: str, dry_run: bool) -> int:
    """Put a new pod in the place of the old one, and wait until it is ready; servers run on.

    For the proxy it waits until each server has its route again. Says how long it took and how many servers ran on.
    Also the way to move one off a node that is to be drained. Exit 0: done, 1: not back in time.
    """
    part = PARTS[name]
    place = part.namespace(namespace)
    if kubectl.part(place, name) is None:
        raise CoursehubError(f"there is no {name} in namespace {place}; name its release's by --namespace")
    before = _servers(namespace)
    terminal.out(f"{name}: meanwhile {part.meanwhile}")
    if dry_run:
        terminal.out(f"{name}: would be restarted; {len(before)} servers run")
        return FINE
    watch = new_pod(name, namespace, timeout)
    if name == "proxy":
        watch.until(ROUTED, lambda: _routed(namespace))
    seconds = watch.seconds
    stayed = before & _servers(namespace)
    terminal.out(f"{name}: done in {seconds:.0f} s; {len(stayed)} of {len(before)} servers ran on")
    return FINE


@dataclass(frozen=True)
class Watch:
    """Tells of a restart of the part `name` as it goes, for `timeout` seconds at most."""

    name: str
    namespace: str
    timeout: int
    tell: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """For how long it has gone on."""
        return time.monotonic() - self.began

    def until(self, end: str, look: Callable[[], str]) -> None:
        """Tells each thing that `look` finds, once, until that is `end`; CoursehubError after `timeout`."""
        last = ""
        while last != end:
            found = look()
            if found != last:
                self.tell(f"{self.name}: {found} ({self.seconds:.0f} s)")
                last = found
            elif self.seconds > self.timeout:
                raise CoursehubError(
                    f"{self.name}: after {self.timeout} s still: {last}. Nothing is taken back; "
                    f"`coursehub status --namespace {self.namespace}` says what is wrong"
                )
            else:
                time.sleep(_EVERY)


def new_pod(name: str, namespace: str, timeout: int = TIMEOUT, tell: Callable[[str], None] = terminal.out) -> Watch:
    """Returns once a new pod of the part has taken the place of the old one; CoursehubError after `timeout` seconds."""
    part = PARTS[name]
    place = part.namespace(namespace)
    watch = Watch(name, namespace, timeout, tell)
    kubectl.run(place, "rollout", "restart", f"deployment/{_deployment(place, name)['metadata']['name']}")
    watch.until(READY, lambda: stage(_deployment(place, name)))
    return watch


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


def _routed(namespace: str) -> str:
    try:
        missing = hub.ask(namespace, {"ask": "status"})["unrouted"]
    except hub.NoAnswer as error:
        return str(error)
    if isinstance(missing, str):
        return missing
    return f"servers still without a route: {len(missing)}" if missing else ROUTED


def _deployment(namespace: str, name: str) -> kubectl.Object:
    found = kubectl.part(namespace, name)
    if found is None:
        raise CoursehubError(f"the Deployment of the {name} is gone from namespace {namespace}")
    return found


def _servers(namespace: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kubectl.get_all(namespace, "pods", SERVERS)}
