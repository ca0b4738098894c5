"""What `coursehub secrets apply` does: a folder of an admin's in, Secrets of the cluster out."""

import ssl
import stat
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

from coursehub.config import document, settings

from . import kubectl, secrets_plan, tls
from .common import FINE, PROBLEMS, say
from .kubectl import Object
from .secrets_plan import NoPlace, Secret
from .tls import CHAIN, KEY, Facts, Unusable

_PROXY = "component=proxy"
_SECOND = 1.0
_SAID = {
    "current": "proxy: has this certificate",
    "restarted": "proxy: restarted, and serves this certificate; servers run on",
    "outdated": "proxy: serves what it started with; add --restart-proxy (servers run on, pages connect again)",
    "absent": "proxy: is not installed yet",
    "elsewhere": "proxy: takes no certificate from this Secret; an ingress that does needs no restart",
}


@dataclass(frozen=True)
class Change:
    """What became of one Secret: made, changed, unchanged."""

    namespace: str
    name: str
    what: str


@dataclass(frozen=True)
class _Checked:
    """What a folder holds that is fit to be applied; `mounted` names the Secret of the certificate."""

    secrets: Sequence[Secret]
    certificate: Facts | None
    mounted: str
    warnings: Sequence[str]


def apply(options: Namespace) -> int:
    """Checks the folder, then makes or updates its Secrets; where something is wrong, nothing is changed."""
    now = datetime.now(UTC)
    try:
        checked = _check(options, now)
    except Unusable as error:
        say({"problems": error.problems}, error.problems, as_json=options.json, error=True)
        return PROBLEMS
    for each in checked.warnings:
        print(f"coursehub: {each}", file=sys.stderr)
    changes = _apply(checked.secrets, dry_run=options.dry_run)
    certificate = checked.certificate
    proxy = _proxy(options, checked.mounted, changes) if certificate else None
    answer = {
        "secrets": [asdict(each) for each in changes],
        "certificate": certificate and {**asdict(certificate), "ends": certificate.ends.isoformat()},
        "proxy": proxy,
        "warnings": checked.warnings,
    }
    say(answer, _lines(checked, changes, proxy, now, dry_run=options.dry_run), as_json=options.json)
    return FINE


def _check(options: Namespace, now: datetime) -> _Checked:
    """Raises Unusable with each thing that is wrong."""
    values = settings.plain([(str(path), document.read_text(path)) for path in options.site or ()])
    folder = options.folder
    files = _read(folder)
    certificate = None
    warnings: list[str] = []
    try:
        planned = secrets_plan.plan(files, values, options.namespace)
        if CHAIN in files:
            certificate = _certificate(files, options.host or secrets_plan.hosts(values), now)
            warnings = [f"{folder}/{each}" for each in (*certificate.warnings(now), *_distrust(folder, certificate))]
        return _Checked(planned, certificate, secrets_plan.tls_name(values), warnings)
    except NoPlace as error:
        raise Unusable([str(error)]) from None
    except Unusable as error:
        raise Unusable([f"{folder}/{each}" for each in error.problems]) from None


def _read(folder: Path) -> dict[str, bytes]:
    """The known files by name; raises Unusable where the folder holds others, or what others may read."""
    places = {place.file: place for place in secrets_plan.PLACES}
    known = f"known files: {', '.join(places)}"
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for path in sorted(each for each in folder.iterdir() if not each.name.startswith(".")):
        place = places.get(path.name)
        if place is None or not path.is_file():
            problems.append(f"{path}: is no secret that is known here; {known}")
        elif place.private and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            problems.append(f"{path}: others may read it ({mode:04o}); run: chmod 600 {path}")
        else:
            files[path.name] = path.read_bytes()
            if wrong := place.form(files[path.name]):
                problems.append(f"{path}: {wrong}")
    if not problems and not files:
        problems.append(f"{folder}: holds no secret; {known}")
    if not problems and len({CHAIN, KEY} & files.keys()) == 1:
        missing = CHAIN if KEY in files else KEY
        problems.append(f"{folder}/{CHAIN} and {KEY} belong together; add {missing}")
    if problems:
        raise Unusable(problems)
    return files


def _certificate(files: Mapping[str, bytes], hosts: Sequence[str], now: datetime) -> Facts:
    if not hosts:
        raise NoPlace(
            "the host name that the certificate has to be for is not known; add --host NAME, or --site FILE with "
            "jupyterhub.proxy.https.hosts or jupyterhub.ingress.hosts"
        )
    return tls.check(files[CHAIN], files[KEY], hosts, now)


def _distrust(folder: Path, certificate: Facts) -> Iterable[str]:
    """What a client on this machine says to a server with these files, which finds a missing intermediate."""
    there, here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    # As browsers have it; for which host it is, is looked at elsewhere.
    here.verify_flags &= ~ssl.VERIFY_X509_STRICT
    here.check_hostname = False
    to_there, to_here = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        there.load_cert_chain(folder / CHAIN, folder / KEY)
        server = there.wrap_bio(to_there, to_here, server_side=True)
        client = here.wrap_bio(to_here, to_there)
        # Hello, certificate, finished.
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", None) or error.reason
        yield (
            f"{CHAIN}: this machine does not trust '{certificate.issuer}' ({why}); if browsers do not know it as an "
            "authority, append the certificates between it and one that they know"
        )


def _apply(planned: Sequence[Secret], *, dry_run: bool) -> list[Change]:
    """Asks the API about all of them before it changes the first."""
    changes = []
    for each in planned:
        before = kubectl.get(each.namespace, "secret", each.name)
        manifest = each.manifest(before["type"] if before else None)
        after = kubectl.apply(each.namespace, manifest, dry_run=True)
        what = "made" if before is None else "unchanged" if _same(before, after) else "changed"
        changes.append((manifest, Change(each.namespace, each.name, what)))
    if not dry_run:
        for manifest, change in changes:
            if change.what != "unchanged":
                kubectl.apply(change.namespace, manifest)
    return [change for _, change in changes]


def _same(before: Object, after: Object) -> bool:
    labels = [each["metadata"].get("labels") for each in (before, after)]
    return bool(labels[0] == labels[1] and before.get("data") == after.get("data"))


def _proxy(options: Namespace, name: str, changes: Sequence[Change]) -> str:
    """Whether the proxy serves what is in the Secret `name`: it reads that at its start only, so its pod is newer."""
    where = options.namespace
    deployment = kubectl.get(where, "deployment", "proxy")
    if deployment is None:
        return "absent"
    volumes = deployment["spec"]["template"]["spec"].get("volumes", ())
    if name not in [volume.get("secret", {}).get("secretName") for volume in volumes]:
        return "elsewhere"
    if options.dry_run and any(change.name == name and change.what != "unchanged" for change in changes):
        return "outdated"
    found = kubectl.get(where, "secret", name)
    written = _written(found) if found else ""
    pods = [pod for pod in kubectl.get_all(where, "pods", _PROXY) if "deletionTimestamp" not in pod["metadata"]]
    # Times are whole seconds, and a pod of the same one may have the old certificate; so a new one waits for the next.
    if all(pod["metadata"]["creationTimestamp"] > written for pod in pods):
        return "current"
    if options.dry_run or not options.restart_proxy:
        return "outdated"
    sleep(_SECOND)
    kubectl.restart(where, "proxy")
    return "restarted"


def _written(found: Object) -> str:
    """When the Secret's data was last written, as Kubernetes writes times (UTC, whole seconds)."""
    meta = found["metadata"]
    fields = [each for each in meta.get("managedFields", ()) if "f:data" in each.get("fieldsV1", {})]
    return max([str(meta["creationTimestamp"]), *(str(each["time"]) for each in fields)])


def _lines(
    checked: _Checked, changes: Sequence[Change], proxy: str | None, now: datetime, *, dry_run: bool
) -> Iterable[str]:
    for each, change in zip(checked.secrets, changes, strict=True):
        same = change.what == "unchanged"
        yield f"secret {change.name} in {change.namespace}: {'would be ' if dry_run and not same else ''}{change.what}"
        if not same:
            yield from each.then
    if certificate := checked.certificate:
        names, left = ", ".join(certificate.names), certificate.days(now)
        yield f"certificate: {names}; {left} days left, until {certificate.ends:%Y-%m-%d}; serial {certificate.serial}"
    if proxy:
        yield _SAID[proxy]
