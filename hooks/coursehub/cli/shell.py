"""A shell in somebody's running server, as that person."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from coursehub.errors import CoursehubError

from . import kubectl

SERVERS = "component=singleuser-server"
# KubeSpawner writes the login name itself here; in a label it may be changed.
_OWNER = "hub.jupyter.org/username"


def shell(options: Namespace) -> NoReturn:
    """Becomes `kubectl exec` of a login shell; CoursehubError says why there is none to be had."""
    pod = find(kubectl.get_all(options.namespace, "pods", SERVERS), options.user)
    terminal = "-it" if sys.stdin.isatty() else "-i"
    into = ("exec", terminal, pod, "--container", "notebook", "--", "bash", "-l")
    os.execvp("kubectl", ["kubectl", "--namespace", options.namespace, *into])


def find(pods: Sequence[kubectl.Object], user: str) -> str:
    """The name of the pod in which the server of `user` runs; CoursehubError with the reason where none does."""
    theirs = [pod for pod in pods if _annotations(pod).get(_OWNER) == user]
    if not theirs:
        raise CoursehubError(
            f"{user} has no server now. `coursehub explain --user {user}` says what they may start, "
            f"`coursehub user show {user}` whether the name is right."
        )
    pod = max(theirs, key=lambda each: str(each["metadata"]["creationTimestamp"]))
    if "deletionTimestamp" in pod["metadata"]:
        raise CoursehubError(f"The server of {user} is just ending. Ask them to start another, then try again.")
    containers = pod["status"].get("containerStatuses", [])
    if not any("running" in each["state"] for each in containers if each["name"] == "notebook"):
        name = pod["metadata"]["name"]
        raise CoursehubError(
            f"The server of {user} does not run yet ({_why(pod, containers)}). Try again in a moment, or look at: "
            f"kubectl describe pod {name}"
        )
    return str(pod["metadata"]["name"])


def _annotations(pod: kubectl.Object) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}


def _why(pod: kubectl.Object, containers: Sequence[dict[str, Any]]) -> str:
    reasons = [more["reason"] for each in containers for more in each["state"].values() if "reason" in more]
    return str(reasons[0] if reasons else pod["status"].get("phase", "unknown"))
