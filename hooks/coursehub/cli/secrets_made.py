"""What nobody has to think up: made once, and kept from then on."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_hex

from coursehub.errors import CoursehubError
from coursehub.tokens import stands_for_another

from . import kubectl
from .kubectl import Object
from .secrets_plan import Secret

Data = Mapping[str, bytes]


class Differing(CoursehubError):
    """Two Secrets that have to hold the same value hold two; the message says what to do."""


def complete(planned: Sequence[Secret], namespace: str) -> list[Secret]:
    """The same, each with all of its keys: what the cluster has, else new and random.

    What is in a Secret already is kept, so that nobody is logged out and nothing is unreadable; then what a release in
    `namespace` had before, which helm made. Secrets of one name share the values of their keys.
    """
    before = {
        (each.namespace, each.name): kubectl.get(each.namespace, "secret", each.name) for each in planned if each.made
    }
    wanted = {(each.name, key) for each in planned for key in each.made}
    found: dict[tuple[str, str], bytes] = {}
    for (_, name), secret in before.items():
        for key, value in _data(secret).items():
            if (name, key) in wanted and found.setdefault((name, key), value) != value:
                raise Differing(
                    f"secret {name}: its {key} differs from one namespace to the other; delete the wrong one"
                )
    release = _release(namespace) if wanted - found.keys() else {}
    for name, key in sorted(wanted - found.keys()):
        found[name, key] = release.get(key) or token_hex(32).encode()
    return [_completed(each, before[each.namespace, each.name], found) if each.made else each for each in planned]


def _completed(secret: Secret, before: Object | None, found: Mapping[tuple[str, str], bytes]) -> Secret:
    seen = before["metadata"]["resourceVersion"] if before else ""
    return replace(secret, data=_kept(before) | dict(secret.data) | _made(secret, found), seen=seen)


def _made(secret: Secret, found: Mapping[tuple[str, str], bytes]) -> dict[str, bytes]:
    return {key: found[secret.name, key] for key in secret.made}


def _kept(secret: Object | None) -> dict[str, bytes]:
    """What this command once put there: a server-side apply takes away what it no longer names."""
    owners = (secret or {}).get("metadata", {}).get("managedFields", ())
    ours = [owner["fieldsV1"].get("f:data", {}) for owner in owners if owner["manager"] == kubectl.MANAGER]
    return {key: value for key, value in _data(secret).items() if any(f"f:{key}" in data for data in ours)}


def _release(namespace: str) -> Data:
    """What the hub's Secret that helm made holds: the hub mounts it as the volume `secret`."""
    hub = kubectl.part(namespace, "hub")
    volumes = hub["spec"]["template"]["spec"].get("volumes", ()) if hub else ()
    names = [each["secret"]["secretName"] for each in volumes if each["name"] == "secret"]
    return _data(kubectl.get(namespace, "secret", names[0])) if names else {}


def _data(secret: Object | None) -> dict[str, bytes]:
    """Without placeholders, which are no values."""
    data = {key: b64decode(value) for key, value in ((secret or {}).get("data") or {}).items()}
    return {key: value for key, value in data.items() if not stands_for_another(value.decode(errors="replace"))}
