"""Which file of an admin's folder becomes which key of which Secret; functions of files and values."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from cryptography import x509

from coursehub.errors import CoursehubError

from .tls import CHAIN, KEY

Values = Mapping[str, Any]
Manifest = dict[str, Any]

LABELS = {"app.kubernetes.io/name": "coursehub", "app.kubernetes.io/managed-by": "coursehub"}
_PROVISIONER = "provisioner-token"


class NoPlace(CoursehubError):
    """There is no Secret for a file, or no single one; the message says what to set."""


@dataclass(frozen=True)
class Place:
    """Where one file goes; `form` says what is wrong with a content, or nothing."""

    file: str
    key: str
    secret: Callable[[Values], str]
    private: bool = True
    kind: str = "Opaque"
    form: Callable[[bytes], str | None] = lambda _: None
    then: str = ""


@dataclass(frozen=True)
class Secret:
    """One Secret as it is to be: `data` by its keys, `then` what is left to do once it changed."""

    namespace: str
    name: str
    kind: str
    data: Mapping[str, bytes]
    then: tuple[str, ...] = ()

    def manifest(self, kind: str | None = None) -> Manifest:
        """For the API; `kind` is the type that the Secret has already, which nobody can change."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(LABELS)},
            "type": kind or self.kind,
            "data": {key: b64encode(content).decode() for key, content in self.data.items()},
        }


def plan(files: Mapping[str, bytes], values: Values, namespace: str) -> list[Secret]:
    """The Secrets that `files`, by name, make in the release's `namespace` and beside it; raises NoPlace."""
    made: dict[tuple[str, str], Secret] = {}
    for place in PLACES:
        if place.file not in files:
            continue
        name = place.secret(values)
        for where in _namespaces(place, values, namespace):
            before = made.get((where, name)) or Secret(where, name, place.kind, {})
            data = {**before.data, place.key: files[place.file]}
            then = (*before.then, place.then.format(namespace=namespace)) if place.then else before.then
            made[where, name] = Secret(where, name, place.kind, data, then)
    return list(made.values())


def tls_name(values: Values) -> str:
    """The Secret that holds the certificate: the one that proxy or ingress take it from."""
    https = _at(values, "jupyterhub.proxy.https")
    given = _at(https, "secret")
    for key, file in (("crt", CHAIN), ("key", KEY)):
        if given.get(key) not in (None, file):
            raise NoPlace(
                f"jupyterhub.proxy.https.secret.{key} is {given[key]}, and the Secret will have {file}; leave it out"
            )
    names = [given.get("name")] if https.get("enabled") and https.get("type") == "secret" else []
    names += [entry.get("secretName") for entry in _entries(values, "jupyterhub.ingress", "tls")]
    return _only(names, CHAIN, "jupyterhub.proxy.https.secret.name and jupyterhub.ingress.tls", "coursehub-tls")


def hosts(values: Values) -> tuple[str, ...]:
    """The names by which the values have people reach the hub."""
    found = [*_list(_at(values, "jupyterhub.proxy.https").get("hosts"))]
    found += _list(_at(values, "jupyterhub.ingress").get("hosts"))
    for entry in _entries(values, "jupyterhub.ingress", "tls"):
        found += _list(entry.get("hosts"))
    return tuple(dict.fromkeys(map(str, found)))


def _hub_name(values: Values) -> str:
    name = _at(values, "jupyterhub.hub").get("existingSecret")
    return _only([name], "hub.yaml", "jupyterhub.hub.existingSecret")


def _registry_name(values: Values) -> str:
    found: list[Any] = list(_list(_at(values, "jupyterhub").get("imagePullSecrets")))
    for part in ("hub", "proxy.chp", "singleuser"):
        found += _list(_at(values, f"jupyterhub.{part}.image").get("pullSecrets"))
    names = [secret.get("name") if isinstance(secret, Mapping) else secret for secret in found]
    return _only(names, "registry.json", "jupyterhub.imagePullSecrets and image.pullSecrets")


def _namespaces(place: Place, values: Values, namespace: str) -> tuple[str, ...]:
    if place.file != _PROVISIONER:
        return (namespace,)
    service = _at(values, "storage.provisioner")
    if service.get("url"):
        return (namespace,)
    if service.get("enabled") and service.get("existingSecret"):
        return (namespace, f"{namespace}-storage")
    raise NoPlace(
        f"{_PROVISIONER}: the values that --site names have no service that takes it; set storage.provisioner.url, or "
        "existingSecret beside enabled, or take the file out: without them the chart makes a token"
    )


def _only(names: Iterable[Any], file: str, where: str, otherwise: str | None = None) -> str:
    found = sorted({str(name) for name in names if name})
    if len(found) > 1:
        raise NoPlace(f"{file}: goes into one Secret, and {where} name {', '.join(found)}; name the same in each")
    if not found and otherwise is None:
        raise NoPlace(f"{file}: no Secret is named for it; set {where} in a file that --site names")
    return found[0] if found else str(otherwise)


def _at(values: Values, path: str) -> Values:
    for part in path.split("."):
        values = values.get(part) or {}
        if not isinstance(values, Mapping):
            return {}
    return values


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(values: Values, path: str, key: str) -> list[Values]:
    return [entry for entry in _list(_at(values, path).get(key)) if isinstance(entry, Mapping)]


def _authority(content: bytes) -> str | None:
    try:
        x509.load_pem_x509_certificates(content)
    except ValueError:
        return "holds no certificate that can be read; it has to be PEM"
    return None


def _some(content: bytes) -> str | None:
    return None if content.strip() else "is empty"


def _values(content: bytes) -> str | None:
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        return "is not valid YAML"
    wanted = "write values of zero-to-jupyterhub that are secret, as hub: {config: {...}}"
    return None if isinstance(found, dict) and set(found) == {"hub"} else f"has other keys than hub; {wanted}"


def _registry(content: bytes) -> str | None:
    try:
        found = json.loads(content)
    except ValueError:
        return "is not valid JSON"
    return (
        None if isinstance(found, dict) and found.get("auths") else 'has no "auths"; write what `docker login` writes'
    )


_RESTART = "the hub reads hub.yaml at its start (servers run on): kubectl -n {namespace} rollout restart deployment/hub"

# The one table; docs/admins.md has it too.
PLACES = (
    Place(CHAIN, CHAIN, tls_name, private=False, kind="kubernetes.io/tls"),
    Place(KEY, KEY, tls_name, kind="kubernetes.io/tls"),
    Place(_PROVISIONER, "token", lambda _: "coursehub-provisioner", form=_some),
    Place("provisioner-ca.crt", "ca.crt", lambda _: "coursehub-provisioner", private=False, form=_authority),
    Place("ldap-password", "password", lambda _: "ldap", form=_some),
    Place("ldap-ca.crt", "ca.crt", lambda _: "ldap", private=False, form=_authority),
    Place("hub.yaml", "values.yaml", _hub_name, form=_values, then=_RESTART),
    Place("registry.json", ".dockerconfigjson", _registry_name, kind="kubernetes.io/dockerconfigjson", form=_registry),
)
