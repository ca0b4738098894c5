"""`coursehub secrets apply`: a folder of an admin's in, Secrets of the cluster out."""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import click

from coursehub.config import document, settings
from coursehub.errors import CoursehubError

from . import dns, kubectl, options, secrets_made, secrets_plan, tls
from .cluster import namespaces
from .common import FINE, PROBLEMS, say, warn
from .kubectl import Object
from .restart import new_pod
from .secrets_plan import NoPlace, Secret
from .tls import CHAIN, KEY, Facts, UnusableFiles
from .values import Values

_PROXY = "component=proxy"
_SECOND = 1.0
_PROXY_IS = {
    "current": "proxy: has this certificate",
    "restarted": "proxy: restarted, and serves this certificate; servers run on",
    "outdated": "proxy: serves what it started with; add --restart-proxy (servers run on, pages connect again)",
    "absent": "proxy: is not installed yet",
    "elsewhere": "proxy: takes no certificate from this Secret; an ingress that does needs no restart",
}

_LATER = "not yet; helm makes this namespace, run this again after it"


@dataclass(frozen=True)
class Change:
    """What became of one Secret: made, changed, unchanged; later, where its namespace is not there yet."""

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


def _host(name: str) -> str:
    if not secrets_plan.is_host(name):
        raise click.BadParameter(f"{name!r} is no host's name; write it as jupyter.example.edu")
    return name


@click.group("secrets", cls=options.Verbs, short_help="Bring certificate and passwords into the cluster.")
def command() -> None:
    """Bring certificate and passwords into the cluster."""


@command.command(
    "apply",
    short_help="Make or update the Secrets from a folder of files.",
    example="coursehub secrets apply secrets/ --site values/SITE.yaml --restart-proxy",
)
@options.site_if_any
@click.option(
    "--host",
    "hosts",
    type=_host,
    multiple=True,
    metavar="NAME",
    help="A name that the certificate has to have, in place of those that the values have; can be given more than "
    "once, as --host jupyter.example.edu --host '*.jupyter.example.edu'.",
)
@click.option(
    "--restart-proxy",
    is_flag=True,
    help="Restart the proxy if it is older than the certificate, which it reads at its start only; servers run on.",
)
@options.namespace
@options.dry_run
@options.as_json
@click.argument("folder", type=options.File, help="Where the files are; nothing else is in it.")
def apply(
    folder: Path,
    sites: Sequence[Path],
    hosts: Sequence[str],
    restart_proxy: bool,
    namespace: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Make or update the Secrets into which the files of FOLDER go.

    They are tls.crt (the server's certificate, then its issuers') with tls.key, and others; docs/admins/secrets.md
    lists them.
    Checks all before it changes anything: key, chain, host names (of servers too, by subdomain_host), days left, and
    that nobody else may read what is secret; it warns where DNS does not lead names to one place. To be run again
    after each renewal, by cron too: what is unchanged stays untouched.

    Where the values have placeholders (docs/gitops.md), or storage.provisioner.existingSecret and no file, it makes
    strong values once, or takes those that the release has, and never replaces them.

    Exit 0: all is as FOLDER has it, 1: something is wrong.
    """
    now = datetime.now(UTC)
    values = settings.plain([(str(path), document.read_text(path)) for path in sites])
    try:
        checked = _check(folder, values, hosts, namespace, now)
    except UnusableFiles as error:
        say({"problems": error.problems}, error.problems, as_json=as_json, error=True)
        return PROBLEMS
    for sentence in checked.warnings:
        warn(sentence)
    secrets = secrets_made.complete(checked.secrets, namespace)
    changes = _apply(secrets, namespaces.storage(namespace), dry_run=dry_run)
    certificate = checked.certificate
    proxy = None
    if certificate:
        proxy = _proxy(namespace, checked.mounted, changes, restart=restart_proxy, dry_run=dry_run)
    answer = {
        "secrets": [asdict(change) for change in changes],
        "certificate": certificate and {**asdict(certificate), "ends": certificate.ends.isoformat()},
        "proxy": proxy,
        "warnings": checked.warnings,
    }
    say(answer, _lines(secrets, changes, certificate, proxy, now, dry_run=dry_run), as_json=as_json)
    return FINE


def _check(folder: Path, values: Values, hosts: Sequence[str], namespace: str, now: datetime) -> _Checked:
    """Raises UnusableFiles with each thing that is wrong."""
    files = _read(folder)
    certificate = None
    warnings: list[str] = []
    try:
        planned = secrets_plan.plan(files, values, namespace)
        if not planned:
            raise NoPlace(f"{folder}: holds no secret; {_known()}")
        if CHAIN in files:
            names = hosts or secrets_plan.hosts(values)
            certificate = _certificate(files, names, now)
            found = (*certificate.warnings(now), *tls.distrust(folder / CHAIN, folder / KEY, certificate))
            warnings = [*(f"{folder}/{warning}" for warning in found), *dns.astray(names)]
        return _Checked(planned, certificate, secrets_plan.tls_name(values), warnings)
    except NoPlace as error:
        raise UnusableFiles([str(error)]) from None
    except UnusableFiles as error:
        raise UnusableFiles([f"{folder}/{problem}" for problem in error.problems]) from None


def _read(folder: Path) -> dict[str, bytes]:
    """The known files by name; raises UnusableFiles where the folder holds others, or what others may read."""
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for path in _listed(folder):
        name = path.relative_to(folder).as_posix()
        place = secrets_plan.place_of(name)
        if place is None or not path.is_file():
            problems.append(f"{path}: is no secret that is known here; {_known()}")
        elif place.private and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            problems.append(f"{path}: others may read it ({mode:04o}); run: chmod 600 {path}")
        else:
            files[name] = path.read_bytes()
            if wrong := place.form(files[name]):
                problems.append(f"{path}: {wrong}")
    if not problems and len({CHAIN, KEY} & files.keys()) == 1:
        missing = CHAIN if KEY in files else KEY
        problems.append(f"{folder}/{CHAIN} and {KEY} belong together; add {missing}")
    if problems:
        raise UnusableFiles(problems)
    return files


def _listed(folder: Path) -> Iterator[Path]:
    """What lies in the folder and in that of gradebooks, but for what is hidden."""
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if path.name == secrets_plan.GRADEBOOKS and path.is_dir():
            yield from _listed(path)
        else:
            yield path


def _known() -> str:
    names = [*(place.file for place in secrets_plan.PLACES), f"{secrets_plan.GRADEBOOKS}/COURSE"]
    return f"known files: {', '.join(names)}"


def _certificate(files: Mapping[str, bytes], hosts: Sequence[str], now: datetime) -> Facts:
    if not hosts:
        raise NoPlace(
            "the host name that the certificate has to be for is not known; add --host NAME, or --site FILE with "
            "jupyterhub.hub.config.JupyterHub.subdomain_host, jupyterhub.proxy.https.hosts or jupyterhub.ingress.hosts"
        )
    return tls.check(files[CHAIN], files[KEY], hosts, now)


def _apply(planned: Sequence[Secret], storage: str, *, dry_run: bool) -> list[Change]:
    """Asks the API about all of them before it changes the first; the namespace `storage` may not be there yet."""
    changes = []
    for secret in planned:
        before = kubectl.get(secret.namespace, "secret", secret.name)
        manifest = secret.manifest(before["type"] if before else None)
        try:
            with _alone(secret):
                after = kubectl.apply(secret.namespace, manifest, dry_run=True)
        except kubectl.KubectlError as error:
            if f'namespaces "{secret.namespace}" not found' not in str(error):
                raise
            if secret.namespace != storage:
                missing = namespaces.line(secret.namespace, None)
                raise CoursehubError(f"{missing.message}; make it first: {missing.todo}") from None
            what = "later"
        else:
            what = "made" if before is None else "unchanged" if _same(before, after) else "changed"
        changes.append((secret, manifest, Change(secret.namespace, secret.name, what)))
    if not dry_run:
        for secret, manifest, change in changes:
            if change.what in ("made", "changed"):
                with _alone(secret):
                    if secret.seen == "":
                        kubectl.create(change.namespace, manifest)
                    else:
                        kubectl.apply(change.namespace, manifest)
    return [change for _, _, change in changes]


@contextmanager
def _alone(secret: Secret) -> Iterator[None]:
    """Nobody else's values are replaced by those that were worked out without them."""
    try:
        yield
    except kubectl.Overtaken:
        raise CoursehubError(
            f"secret {secret.name} in {secret.namespace}: somebody else wrote it in the same moment; run this again"
        ) from None


def _same(before: Object, after: Object) -> bool:
    same = all(before["metadata"].get(kind) == after["metadata"].get(kind) for kind in ("labels", "annotations"))
    return same and before.get("data") == after.get("data")


def _proxy(namespace: str, name: str, changes: Sequence[Change], *, restart: bool, dry_run: bool) -> str:
    """Whether the proxy serves what is in the Secret `name`: it reads that at its start only, so its pod is newer."""
    deployment = kubectl.part(namespace, "proxy")
    if deployment is None:
        return "absent"
    volumes = deployment["spec"]["template"]["spec"].get("volumes", ())
    if name not in [volume.get("secret", {}).get("secretName") for volume in volumes]:
        return "elsewhere"
    if dry_run and any(change.name == name and change.what != "unchanged" for change in changes):
        return "outdated"
    found = kubectl.get(namespace, "secret", name)
    written = _written(found) if found else ""
    pods = [pod for pod in kubectl.get_all(namespace, "pods", _PROXY) if "deletionTimestamp" not in pod["metadata"]]
    # Times are whole seconds, and a pod of the same one may have the old certificate; so a new one waits for the next.
    if all(pod["metadata"]["creationTimestamp"] > written for pod in pods):
        return "current"
    if dry_run or not restart:
        return "outdated"
    sleep(_SECOND)
    new_pod("proxy", namespace, tell=lambda _: None)
    return "restarted"


def _written(found: Object) -> str:
    """When the Secret's data was last written, as Kubernetes writes times (UTC, whole seconds)."""
    meta = found["metadata"]
    fields = [owner for owner in meta.get("managedFields", ()) if "f:data" in owner.get("fieldsV1", {})]
    return max([str(meta["creationTimestamp"]), *(str(owner["time"]) for owner in fields)])


def _lines(
    secrets: Sequence[Secret],
    changes: Sequence[Change],
    certificate: Facts | None,
    proxy: str | None,
    now: datetime,
    *,
    dry_run: bool,
) -> Iterable[str]:
    for secret, change in zip(secrets, changes, strict=True):
        if change.what == "later":
            yield f"secret {change.name} in {change.namespace}: {_LATER}"
            continue
        same = change.what == "unchanged"
        yield f"secret {change.name} in {change.namespace}: {'would be ' if dry_run and not same else ''}{change.what}"
        if not same:
            yield from secret.then
    if certificate:
        names, left = ", ".join(certificate.names), certificate.days(now)
        yield f"certificate: {names}; {left} days left, until {certificate.ends:%Y-%m-%d}; serial {certificate.serial}"
    if proxy:
        yield _PROXY_IS[proxy]
