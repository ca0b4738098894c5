"""Whether the cluster's nodes, as they are now, have room for the people of a class."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from coursehub.cli import kubectl
from coursehub.cli.values import Values, at, listed
from coursehub.config.course import Course
from coursehub.config.profiles import Role
from coursehub.config.settings import Settings
from coursehub.config.timetable import Held
from coursehub.errors import Refused
from coursehub.servers import manifest, placeholder, room
from coursehub.servers.execution import ROLE
from coursehub.servers.manifest import Frame
from coursehub.servers.placeholder import COURSE, PLACEHOLDER

_PURPOSE = {"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}
# Upstream gives them to servers where a site writes no others.
_DEDICATED = [
    {"key": f"hub.jupyter.org{mark}dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"}
    for mark in "/_"
]


class NotSeen(kubectl.KubectlError):
    """Nodes and pods could not be looked at."""


class Room:
    """The nodes' room for servers; servers that run count where they are of no course that has its class then."""

    def __init__(self, nodes: Sequence[kubectl.Object], pods: Iterable[kubectl.Object], frame: Frame) -> None:
        self._nodes = nodes
        self._pods = list(pods)
        self._frame = frame

    def missing(self, held: Sequence[Held], courses: Mapping[str, Course], settings: Settings) -> list[int]:
        """For how many people of each of these classes, all at once, there is none."""
        pods = [self._server(courses[each.course], settings, each) for each in held]
        wanted = [(pod or {}, each.expected) for pod, each in zip(pods, held, strict=True)]
        slugs = {each.course for each in held}
        others = [pod for pod in self._pods if not self._gives_way(pod, slugs)]
        found = iter(room.missing(self._nodes, others, [each for each in wanted if each[0]]))
        return [next(found) if pod else each.expected for pod, each in zip(pods, held, strict=True)]

    def _server(self, course: Course, settings: Settings, held: Held) -> kubectl.Object | None:
        try:
            return _student(course, settings, self._frame, held.begin.astimezone(settings.zone).date())
        except Refused:
            return None

    def _gives_way(self, pod: kubectl.Object, slugs: set[str]) -> bool:
        labels = pod["metadata"].get("labels") or {}
        ours = pod["metadata"]["namespace"] == self._frame.namespace
        of_class = labels.get(COURSE) in slugs and labels.get(ROLE) == Role.STUDENT
        return ours and (of_class or labels.get(ROLE) == PLACEHOLDER)


def _student(course: Course, settings: Settings, frame: Frame, day: date) -> kubectl.Object:
    """What the scheduler looks at of a student's server; raises Refused where nobody could start one."""
    server = placeholder.planned(course, settings, day)
    return {
        "spec": {
            "nodeSelector": manifest.node_selector(server, frame),
            "tolerations": manifest.tolerations(server, frame),
            "affinity": {"nodeAffinity": frame.node_affinity},
            "containers": [{"resources": placeholder.resources(server)}],
        }
    }


def look(namespace: str, site: Values) -> Room:
    """The room that there is now; raises KubectlError."""
    nodes = kubectl.look(namespace, "nodes")
    pods = None if nodes is None else kubectl.look(namespace, "pods", "--all-namespaces")
    if nodes is None or pods is None:
        raise NotSeen("this account may not list nodes, and pods of all namespaces")
    return Room(nodes, pods, _frame(site, namespace))


def _frame(site: Values, namespace: str) -> Frame:
    """As the hub has it of upstream's values."""
    servers = at(site, "jupyterhub.singleuser")
    usual = at(site, "jupyterhub.scheduling.userPods")
    tolerations = usual.get("tolerations", _DEDICATED)
    terms: list[Any] = listed(at(servers, "extraNodeAffinity").get("required"))
    if at(usual, "nodeAffinity").get("matchNodePurpose") == "require":
        terms = [*terms, {"matchExpressions": [_PURPOSE]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return Frame(
        claim="",
        namespace=namespace,
        node_selector=at(servers, "nodeSelector"),
        tolerations=(*listed(tolerations), *listed(servers.get("extraTolerations"))),
        node_affinity=required if terms else {},
    )
