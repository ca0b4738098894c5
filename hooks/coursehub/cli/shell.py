"""`coursehub shell`: a shell in somebody's running server, as that person."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from coursehub.errors import CoursehubError

from . import kubectl, options

SERVERS = "component=singleuser-server"
# KubeSpawner writes the login name itself here; in a label it may be changed.
_OWNER = "hub.jupyter.org/username"
# A shell that had the server's token would show it to the person's own programs, in /proc.
_WITHOUT = ("env", "--unset=JUPYTERHUB_API_TOKEN", "--unset=JPY_API_TOKEN")


@click.command(
    "shell",
    cls=options.Verb,
    short_help="Open a shell in somebody's running server.",
    example="coursehub shell maria",
)
@options.namespace
@options.user
def command(user: str, namespace: str) -> NoReturn:
    """Open a shell in the server of USER, as that person: what they can read and write, it can.

    It ends with `exit`, and the server runs on.
    """
    pod = find(kubectl.get_all(namespace, "pods", SERVERS), user)
    terminal = "-it" if sys.stdin.isatty() else "-i"
    into = ("exec", terminal, pod, "--container", "notebook", "--", *_WITHOUT, "bash", "-l")
    os.execvp("kubectl", ["kubectl", "--namespace", namespace, *into])


def find(pods: Sequence[kubectl.Object], user: str) -> str:
    """The name of the pod in which the server of `user` runs; CoursehubError with the reason where none does."""
    theirs = [pod for pod in pods if _annotations(pod).get(_OWNER) == user]
    if not theirs:
        raise CoursehubError(
            f"{user} has no server now. `coursehub explain --user {user}` says what they may start, "
            f"`coursehub user show {user}` whether the name is right."
        )
    pod = max(theirs, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    if "deletionTimestamp" in pod["metadata"]:
        raise CoursehubError(f"The server of {user} is just ending. Ask them to start another, then try again.")
    containers = pod["status"].get("containerStatuses", [])
    if not any("running" in container["state"] for container in containers if container["name"] == "notebook"):
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        raise CoursehubError(
            f"The server of {user} does not run yet ({_why(pod, containers)}). Try again in a moment, or look at: "
            f"kubectl --namespace {namespace} describe pod {name}"
        )
    return str(pod["metadata"]["name"])


def _annotations(pod: kubectl.Object) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}


def _why(pod: kubectl.Object, containers: Sequence[dict[str, Any]]) -> str:
    reasons = [
        state["reason"] for container in containers for state in container["state"].values() if "reason" in state
    ]
    return str(reasons[0] if reasons else pod["status"].get("phase", "unknown"))
