"""The running hub, asked from an admin's machine by `kubectl exec`: no other way in is needed."""

import json
import subprocess
from typing import Any

from .errors import CoursehubError

_PYTHON = ("env", "PYTHONPATH=/usr/local/etc/jupyterhub", "python3", "-m", "coursehub.door")


class NoAnswer(CoursehubError):
    """The hub could not be asked, or refused the question; the message says why and what to look at."""


def ask(namespace: str, question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the hub in `namespace` of kubectl's context; raises NoAnswer."""
    command = ("kubectl", "--namespace", namespace, "exec", "deployment/hub", "--container", "hub", "--")
    try:
        done = subprocess.run(
            [*command, *_PYTHON, json.dumps(question)], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        raise NoAnswer("kubectl is not on the PATH; install it, or name --site and course files instead") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer("the hub did not answer within a minute; look at: kubectl logs deployment/hub") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NoAnswer(f"the hub in namespace {namespace} cannot be asked: {said[-1] if said else 'no reason given'}")
    reply = json.loads(done.stdout)
    if "refusal" in reply:
        raise NoAnswer(reply["refusal"])
    answer: dict[str, Any] = reply["answer"]
    return answer
