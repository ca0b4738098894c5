"""A placeholder: a pod that keeps a server's room before a class, and gives way to any server at once.

It is a student's server of the course by image, requests and nodes, with nobody's uid, no volume, no token and no
network, and it sleeps. Its priority is below that of servers, and it displaces nothing itself. Kubernetes ends it when
its time is over, also where no hub is left to do so.
"""

from datetime import date, datetime
from math import ceil
from typing import Any

from coursehub.config.course import Course
from coursehub.config.profiles import Profile, Role
from coursehub.config.settings import Settings
from coursehub.person import Person

from . import manifest, plan
from .execution import ROLE
from .manifest import Frame
from .plan import PodPlan

# On them, and in chart/templates/singleuser/networkpolicy-execution.yaml.
PLACEHOLDER = "placeholder"
COURSE = "coursehub/course"
# Kubernetes counts seconds from when the pod is on a node. This counts by the clock, if that was late.
_SLEEP = "import sys, time; time.sleep(max(0.0, float(sys.argv[1]) - time.time()))"


def planned(course: Course, settings: Settings, today: date) -> PodPlan:
    """A student's server of the course, of nobody; raises Refused where nobody could start one."""
    uid = settings.autograding.uid
    return plan.make(Person("nobody", uid, uid), Profile(Role.STUDENT, course.slug), course, settings, today)


def resources(server: PodPlan) -> dict[str, Any]:
    """What the server's container asks for and may have, as Kubernetes writes it."""
    return {
        "limits": {**manifest.amounts(server.limits), **manifest.limits(server)},
        "requests": {**manifest.amounts(server.guarantees), **manifest.requests(server)},
    }


def priority_class(namespace: str) -> str:
    """The name that the chart gives it: PriorityClasses have no namespace."""
    return f"{namespace}-coursehub-classes"


def reminder(placeholder: dict[str, Any], node: str) -> dict[str, Any]:
    """The `placeholder` put on the node by whoever makes it, whatever runs there: it keeps next to no room."""
    (container,) = placeholder["spec"]["containers"]
    resources = {each: {"cpu": "1m", "memory": "1Mi"} for each in ("limits", "requests")}
    containers = [{**container, "resources": resources}]
    return {**placeholder, "spec": {**placeholder["spec"], "nodeName": node, "containers": containers}}


def pod(server: PodPlan, frame: Frame, now: datetime, until: datetime) -> dict[str, Any]:
    """The pod, as Kubernetes writes it, that keeps room for one such `server`."""
    affinity = {"affinity": {"nodeAffinity": dict(frame.node_affinity)}} if frame.node_affinity else {}
    security = manifest.pod_security(server)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "coursehub-class-",
            "namespace": frame.namespace,
            "labels": {ROLE: PLACEHOLDER, COURSE: str(server.profile.course)},
        },
        "spec": {
            "restartPolicy": manifest.RESTART_POLICY,
            "activeDeadlineSeconds": max(1, ceil((until - now).total_seconds())),
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "priorityClassName": priority_class(frame.namespace),
            "securityContext": {**security, "supplementalGroups": []},
            "nodeSelector": manifest.node_selector(server, frame),
            "tolerations": manifest.tolerations(server, frame),
            **affinity,
            **({"schedulerName": frame.scheduler} if frame.scheduler else {}),
            "imagePullSecrets": [dict(secret) for secret in frame.pull_secrets],
            "containers": [
                {
                    "name": "room",
                    "image": server.image,
                    **({"imagePullPolicy": frame.pull_policy} if frame.pull_policy else {}),
                    "command": ["python3", "-I", "-S", "-c", _SLEEP, f"{until.timestamp():.0f}"],
                    "workingDir": "/",
                    "resources": resources(server),
                    "securityContext": {**manifest.container_security(server), "readOnlyRootFilesystem": True},
                }
            ],
        },
    }
