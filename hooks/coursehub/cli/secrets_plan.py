"""Which file of an admin's folder becomes which key of which Secret; functions of files and values."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

import yaml
from cryptography import x509

from coursehub.errors import CoursehubError
from coursehub.names import is_slug
from coursehub.tokens import stands_for_another

from .cluster import namespaces
from .tls import CHAIN, KEY
from .values import Values, at, listed, pull_secrets

Manifest = dict[str, Any]

# helm takes away a Secret that it made and no longer renders, unless the cluster's own says that it stays.
KEPT = {"helm.sh/resource-policy": "keep"}
LABELS = {"app.kubernetes.io/name": "coursehub", "app.kubernetes.io/managed-by": "coursehub"}
_PROVISIONER, _REGISTRY = "provisioner-token", "registry.json"
# A folder in the folder, with a file for each course whose gradebook is a database.
GRADEBOOKS = "gradebooks"
# The last label of a name is no number, or it would be an address, below which nothing has a name.
_NAME = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?"
_ADDRESS = re.compile(rf"https?://({_NAME})(?::[0-9]{{1,5}})?")
_HOST = re.compile(rf"(?:\*\.)?{_NAME}", re.IGNORECASE)


class NoPlace(CoursehubError):
    """Values do not say which Secret is a file's, or what for; the message says what to set."""


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
    """One Secret as it is to be: `data` by its keys, `then` what is left to do once it changed.

    `made` are the keys that the command fills by itself, once; `seen` is the version of the Secret for which it did so,
    nothing where there was none.
    """

    namespace: str
    name: str
    kind: str
    data: Mapping[str, bytes]
    then: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    seen: str | None = None

    def manifest(self, kind: str | None = None) -> Manifest:
        """For the API, which takes it for the version that was `seen`.

        `kind` is the type that the Secret has already, which nobody can change.
        """
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": dict(LABELS),
                "annotations": dict(KEPT),
                **({"resourceVersion": self.seen} if self.seen else {}),
            },
            "type": kind or self.kind,
            "data": {key: b64encode(content).decode() for key, content in self.data.items()},
        }


def place_of(file: str) -> Place | None:
    """Where a file of the folder goes, by its path there; None for one that goes nowhere."""
    folder, _, slug = file.rpartition("/")
    if folder == GRADEBOOKS and is_slug(slug):
        return Place(file, slug, lambda _: "coursehub-gradebooks", form=_gradebook)
    return next((place for place in PLACES if place.file == file), None)


def plan(files: Mapping[str, bytes], values: Values, namespace: str) -> list[Secret]:
    """The Secrets that `files`, by name, make in the release's `namespace` and beside it; raises NoPlace."""
    made: dict[tuple[str, str], Secret] = {}
    for place in filter(None, map(place_of, files)):
        name = place.secret(values)
        for where in _namespaces(place, values, namespace):
            before = made.get((where, name)) or Secret(where, name, place.kind, {})
            data = {**before.data, place.key: files[place.file]}
            then = (*before.then, place.then.format(namespace=namespace)) if place.then else before.then
            made[where, name] = Secret(where, name, place.kind, data, then)
    for where, name, keys in _own(files, values, namespace):
        planned = made.get((where, name)) or Secret(where, name, "Opaque", {})
        made[where, name] = replace(planned, made=keys)
    return list(made.values())


def made(values: Values) -> tuple[str, ...]:
    """The keys of the hub's Secret in whose place the values have a placeholder."""
    config = at(values, "jupyterhub.hub.config")
    keys = at(config, "CryptKeeper").get("keys")
    given = {
        "hub.config.ConfigurableHTTPProxy.auth_token": at(config, "ConfigurableHTTPProxy").get("auth_token"),
        "hub.config.CryptKeeper.keys": "".join(map(str, keys)) if isinstance(keys, list) else keys,
        "hub.config.JupyterHub.cookie_secret": at(config, "JupyterHub").get("cookie_secret"),
    }
    for name, service in at(values, "jupyterhub.hub.services").items():
        given[f"hub.services.{name}.apiToken"] = service.get("apiToken") if isinstance(service, Mapping) else None
    return tuple(key for key, value in given.items() if value and stands_for_another(str(value)))


def _own(files: Mapping[str, bytes], values: Values, namespace: str) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and keys of what no file has and the values leave to this command."""
    if keys := made(values):
        name = at(values, "jupyterhub.hub").get("existingSecret")
        yield namespace, _only([name], "placeholders", "jupyterhub.hub.existingSecret"), keys
    service = at(values, "storage.provisioner")
    if _PROVISIONER not in files and service.get("existingSecret") and not service.get("url"):
        for where in _of_service(service, namespace):
            yield where, "coursehub-provisioner", ("token",)


def tls_name(values: Values) -> str:
    """The Secret that holds the certificate: the one that proxy or ingress take it from."""
    https = at(values, "jupyterhub.proxy.https")
    given = at(https, "secret")
    for key, file in (("crt", CHAIN), ("key", KEY)):
        if given.get(key) not in (None, file):
            raise NoPlace(
                f"jupyterhub.proxy.https.secret.{key} is {given[key]}, and the Secret will have {file}; leave it out"
            )
    names = [given.get("name")] if https.get("enabled") and https.get("type") == "secret" else []
    names += [entry.get("secretName") for entry in _entries(values, "jupyterhub.ingress", "tls")]
    return _only(names, CHAIN, "jupyterhub.proxy.https.secret.name and jupyterhub.ingress.tls", "coursehub-tls")


def hosts(values: Values) -> tuple[str, ...]:
    """The names by which the values have people reach the hub and, where these have names of their own, servers."""
    found: list[Any] = []
    if address := at(values, "jupyterhub.hub.config.JupyterHub").get("subdomain_host"):
        named = _ADDRESS.fullmatch(str(address))
        if named is None:
            raise NoPlace(
                f"jupyterhub.hub.config.JupyterHub.subdomain_host: {address} is not the address of a host by its name "
                "alone; write it as https://jupyter.example.edu"
            )
        found += [named[1], f"*.{named[1]}"]
    found += [*listed(at(values, "jupyterhub.proxy.https").get("hosts"))]
    found += listed(at(values, "jupyterhub.ingress").get("hosts"))
    for entry in _entries(values, "jupyterhub.ingress", "tls"):
        found += listed(entry.get("hosts"))
    return tuple(dict.fromkeys(map(str, found)))


def is_host(name: str) -> bool:
    """Whether a certificate can be for it: a name, with a star in front or not, or an address."""
    try:
        ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True


def _hub_name(values: Values) -> str:
    name = at(values, "jupyterhub.hub").get("existingSecret")
    return _only([name], "hub.yaml", "jupyterhub.hub.existingSecret")


def _registry_name(values: Values) -> str:
    names = pull_secrets(values, "hub", "proxy.chp", "singleuser")
    return _only(names, _REGISTRY, "jupyterhub.imagePullSecrets and image.pullSecrets")


def _namespaces(place: Place, values: Values, namespace: str) -> tuple[str, ...]:
    service = at(values, "storage.provisioner")
    if place.file == _REGISTRY and (service.get("enabled") or at(values, "storage.check").get("schedule")):
        return (namespace, namespaces.storage(namespace))
    if place.file != _PROVISIONER:
        return (namespace,)
    if service.get("url"):
        return (namespace,)
    if service.get("existingSecret"):
        return _of_service(service, namespace)
    raise NoPlace(
        f"{_PROVISIONER}: the values that --site names have no service that takes it; set storage.provisioner.url or "
        "existingSecret, or take the file out: without them the chart makes a token"
    )


def _of_service(service: Values, namespace: str) -> tuple[str, ...]:
    """Where the token is: beside the hub, where what only looks is too, and beside a provisioner."""
    return (namespace, namespaces.storage(namespace)) if service.get("enabled") else (namespace,)


def _only(names: Iterable[Any], file: str, where: str, otherwise: str | None = None) -> str:
    found = sorted({str(name) for name in names if name})
    if len(found) > 1:
        raise NoPlace(f"{file}: goes into one Secret, and {where} name {', '.join(found)}; name the same in each")
    if not found and otherwise is None:
        raise NoPlace(f"{file}: no Secret is named for it; set {where} in a file that --site names")
    return found[0] if found else str(otherwise)


def _entries(values: Values, path: str, key: str) -> list[Values]:
    return [entry for entry in listed(at(values, path).get(key)) if isinstance(entry, Mapping)]


def _authority(content: bytes) -> str | None:
    try:
        x509.load_pem_x509_certificates(content)
    except ValueError:
        return "holds no certificate that can be read; it has to be PEM"
    return None


def _gradebook(content: bytes) -> str | None:
    if re.fullmatch(rb"\s*postgres(ql)?://[^\s@/]+@[^\s@/]+/[^\s@/]+\s*", content):
        return None
    return (
        "is no address of a database; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and in the password %40 for "
        "@ and %2F for /"
    )


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


_RESTART = "the hub reads hub.yaml at its start (servers run on): coursehub restart hub --namespace {namespace}"

# The one table; docs/admins/secrets.md has it too.
PLACES = (
    Place(CHAIN, CHAIN, tls_name, private=False, kind="kubernetes.io/tls"),
    Place(KEY, KEY, tls_name, kind="kubernetes.io/tls"),
    Place(_PROVISIONER, "token", lambda _: "coursehub-provisioner", form=_some),
    Place("provisioner-ca.crt", "ca.crt", lambda _: "coursehub-provisioner", private=False, form=_authority),
    Place("ldap-password", "password", lambda _: "coursehub-ldap", form=_some),
    Place("ldap-ca.crt", "ca.crt", lambda _: "coursehub-ldap", private=False, form=_authority),
    Place("hub.yaml", "values.yaml", _hub_name, form=_values, then=_RESTART),
    Place(_REGISTRY, ".dockerconfigjson", _registry_name, kind="kubernetes.io/dockerconfigjson", form=_registry),
)
