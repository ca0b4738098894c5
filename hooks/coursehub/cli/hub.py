"""The running hub, asked from an admin's machine by `kubectl exec`: no other way in is needed.

In the hub's own pod, which has no kubectl, it is asked where that would lead.
"""

import json
import os
from typing import Any

from coursehub.errors import CoursehubError
from coursehub.hub.admin import socket

from . import kubectl

PODS = "component=hub"
_PYTHON = ("python3", "-P", "-m", "coursehub.hub.admin.socket")


class NoAnswer(CoursehubError):
    """The hub could not be asked, or refused the question; the message says why and what to look at."""


def ask(namespace: str, question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the hub in `namespace` of kubectl's context; raises NoAnswer."""
    try:
        into = ("exec", _pod(namespace), "--container", "hub", "--")
        printed = kubectl.run(namespace, *into, *_PYTHON, json.dumps(question))
    except kubectl.NoKubectl as error:
        if not _in_its_pod():
            raise NoAnswer(str(error)) from None
        printed = _asked_here(question)
    except kubectl.TooSlow:
        raise NoAnswer(
            f"the hub did not answer within a minute; look at: kubectl --namespace {namespace} logs --selector {PODS}"
        ) from None
    except kubectl.KubectlError as error:
        raise NoAnswer(f"the hub in namespace {namespace} cannot be asked: {error}") from None
    try:
        reply = json.loads(printed)
        if "refusal" in reply:
            raise NoAnswer(reply["refusal"])
        answer: dict[str, Any] = reply["answer"]
    except (ValueError, TypeError, KeyError):
        raise NoAnswer(
            f"the hub in namespace {namespace} replies something else than this command understands; are both of one "
            "version? `coursehub --version`"
        ) from None
    return answer


def _in_its_pod() -> bool:
    """Whether this is where a hub runs, by a socket that nobody else can have put there."""
    try:
        return socket.PATH.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


def _asked_here(question: dict[str, Any]) -> str:
    try:
        return socket.ask(json.dumps(question), socket.PATH).decode()
    except OSError as error:
        raise NoAnswer(f"the hub of this pod does not answer ({error}); its log says more") from None


def _pod(namespace: str) -> str:
    """The newest that is not ending, by its labels: its name depends on the site's."""
    pods = [pod for pod in kubectl.get_all(namespace, "pods", PODS) if "deletionTimestamp" not in pod["metadata"]]
    if not pods:
        raise NoAnswer(f"there is no hub in namespace {namespace}; name its release's by --namespace")
    return str(max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))["metadata"]["name"])
