"""kubectl, run in one place: what it prints comes back as text or objects, what goes wrong as a sentence."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from coursehub.errors import CoursehubError

Object = dict[str, Any]

# Under this name Kubernetes keeps which fields are this command's.
MANAGER = "coursehub"
_NOWHERE = re.compile(
    "^(The connection to the server|Unable to connect to the server|Error in configuration: context was not found).*",
    re.MULTILINE,
)


class KubectlError(CoursehubError):
    """kubectl did not do what it was asked; the message is the last line that it printed."""


class NoKubectl(KubectlError):
    """There is no kubectl on this machine."""


class NoCluster(KubectlError):
    """There is none where kubectl's context leads."""


class TooSlow(KubectlError):
    """kubectl did not end in time."""


class Forbidden(KubectlError):
    """The account of kubectl's context may not do it."""


class Overtaken(KubectlError):
    """Somebody else made or changed the object since it was looked at."""


# kubectl says more behind what the API server said of a version.
_KINDS = {
    "(Forbidden)": Forbidden,
    "(AlreadyExists)": Overtaken,
    "Operation cannot be fulfilled on ": Overtaken,
}


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
    if done.returncode and (said := _NOWHERE.search(done.stderr)):
        raise NoCluster(
            "kubectl reaches no cluster: look whether it runs, or choose another by KUBECONFIG or "
            f"`kubectl config use-context` ({said[0]})"
        )
    if done.returncode:
        # `exec` says that last, whatever the program in the pod said before.
        said_by_exec = "command terminated with exit code "
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        printed = [line for line in lines if not line.startswith(said_by_exec)]
        why = printed[-1] if printed else f"kubectl {arguments[0]} failed and gave no reason"
        raise next((kind for words, kind in _KINDS.items() if words in done.stderr), KubectlError)(why)
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


def part(namespace: str, component: str) -> Object | None:
    """The Deployment of a part, such as the hub: its labels say which it is, and its name is the site's."""
    found = get_all(namespace, "deployments", f"app.kubernetes.io/component={component}")
    return found[0] if found else None


def look(namespace: str, kind: str, *options: str) -> list[Object] | None:
    """All objects of a kind that the options leave; None where this account may not look at them."""
    try:
        found = json.loads(run(namespace, "get", kind, *options, "--output", "json"))
    except Forbidden:
        return None
    items: list[Object] = found["items"]
    return items


def create(namespace: str, manifest: Mapping[str, Any]) -> None:
    """Makes the object; raises Overtaken where there is one."""
    run(namespace, "create", f"--field-manager={MANAGER}", "--filename", "-", stdin=json.dumps(manifest))


def apply(namespace: str, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """The object as it is after a server-side apply, or would be after a `dry_run`; fields of others stay.

    Raises Overtaken where the manifest has a version and the object another.
    """
    options = ["--server-side", f"--field-manager={MANAGER}", "--force-conflicts", "--output", "json"]
    if dry_run:
        options.append("--dry-run=server")
    applied = _object(run(namespace, "apply", *options, "--filename", "-", stdin=json.dumps(manifest)))
    return applied or {}


def listed(objects: Sequence[Mapping[str, Any]]) -> Object:
    """All of them as one, for `kubectl create --filename -`."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


def _object(text: str) -> Object | None:
    found: Object | None = json.loads(text) if text.strip() else None
    return found
