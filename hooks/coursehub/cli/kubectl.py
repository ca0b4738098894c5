"""kubectl, run in one place: what it prints comes back as text or objects, what goes wrong as a sentence."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from coursehub.errors import CoursehubError

Object = dict[str, Any]

# Under this name Kubernetes keeps which fields are this command's.
MANAGER = "coursehub"


class KubectlError(CoursehubError):
    """kubectl did not do what it was asked; the message is the last line that it printed."""


class NoKubectl(KubectlError):
    """There is no kubectl on this machine."""


class TooSlow(KubectlError):
    """kubectl did not end in time."""


def run(namespace: str, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
    """What `kubectl ARGUMENTS` prints in `namespace` of its context, at most `timeout` seconds later.

    Secrets go by `stdin`: everybody on the machine sees arguments. Raises KubectlError.
    """
    command = ("kubectl", "--namespace", namespace, *arguments)
    try:
        # A log holds whatever bytes a program printed.
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise NoKubectl("kubectl is not on the PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise TooSlow(f"kubectl {arguments[0]} did not end within {timeout:g} s; is the cluster there?") from None
    if done.returncode:
        printed = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise KubectlError(printed[-1] if printed else f"kubectl {arguments[0]} failed and gave no reason")
    return done.stdout


def get(namespace: str, kind: str, name: str) -> Object | None:
    """The object with its managed fields, or None where there is none."""
    wanted = ("--ignore-not-found", "--show-managed-fields", "--output", "json")
    return _object(run(namespace, "get", kind, name, *wanted))


def get_all(namespace: str, kind: str, selector: str) -> list[Object]:
    """The objects that a label selector chooses."""
    found = json.loads(run(namespace, "get", kind, "--selector", selector, "--output", "json"))
    items: list[Object] = found["items"]
    return items


def apply(namespace: str, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """The object as it is after a server-side apply, or would be after a `dry_run`; fields of others stay."""
    options = ["--server-side", f"--field-manager={MANAGER}", "--force-conflicts", "--output", "json"]
    if dry_run:
        options.append("--dry-run=server")
    applied = _object(run(namespace, "apply", *options, "--filename", "-", stdin=json.dumps(manifest)))
    return applied or {}


def _object(text: str) -> Object | None:
    found: Object | None = json.loads(text) if text.strip() else None
    return found
