"""The only place that touches the hub's configuration: `configure(c)`, called by one line of `hub.extraConfig`."""

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import jupyterhub
import kubespawner
from kubespawner import KubeSpawner
from traitlets.log import get_logger

from coursehub.config import document
from coursehub.errors import InvalidFile
from coursehub.live import configmaps, folders
from coursehub.live.kept import CannotKeep, Kept, Place
from coursehub.live.snapshot import Site
from coursehub.log import Log
from coursehub.people.directory import People
from coursehub.servers import site_module
from coursehub.servers.manifest import Frame
from coursehub.version import VERSION

from . import (
    admins,
    authorities,
    bounds,
    classroom,
    database,
    executions,
    logins,
    metrics,
    origins,
    placeholders,
    proxy,
    spawn_test,
    start_queue,
)
from .accounts import Accounts
from .admin import release
from .admin import socket as admin_socket
from .admin.health import Health
from .admin.queries import Queries
from .failures import recorder
from .failures.recorder import Recorder
from .hooks import Hook, Hooks
from .notices import feed
from .pages import grading, handler
from .pages.page import StartPage
from .planner import Planner
from .proxy import Routes
from .registry import Registry
from .spawner import CoursehubSpawner
from .start_queue import StartQueue
from .usage import poll
from .volume.directories import Directories
from .volume.provisioner import Provisioner

# Beside a database that is a file, on the volume that is the hub's alone.
STATE = Path("/srv/jupyterhub/coursehub")
CLAIM = "coursehub-storage"
# Upstream's keys of where servers run, which a course's class of nodes goes over, and of how they are marked.
_FRAMED = (
    *("namespace", "node_selector", "tolerations", "priority_class_name", "common_labels", "extra_annotations"),
    *("image_pull_policy", "image_pull_secrets", "scheduler_name", "node_affinity_preferred", "node_affinity_required"),
)


def configure(
    c: Any,
    *,
    config: Path | None = None,
    place: Place | None = None,
    claim: str = CLAIM,
    socket: Path = admin_socket.PATH,
) -> None:
    """Puts courses, plan and gate into the hub's configuration `c`; hooks that are there already run before ours.

    Raises InvalidFile where the site's values cannot be used and no earlier ones are known: the hub then does not
    start, and its log says why. These, the course files, the hub's Secrets and what the site adds come from the API
    server, or from folders below `config`. What the hub keeps over a restart goes to `place`, or else to where its
    database is.
    """
    log = get_logger()
    placeholders.replace(c)
    names = ("site", "courses", "secrets", "added")
    values, courses, secrets, added = (config / name for name in names) if config else configmaps.followed(log)
    _same_version(values)
    _known_releases(log)
    kept = Kept(place or _place(c), log)
    site = Site(values, courses, log, kept)
    site.follow()
    module = site.current.settings.site_module
    adjust = site_module.load(module, added / "module") if module else None
    registry = Registry(c)
    authorities.trust(added / "authorities", secrets / "authorities.crt", registry, log)
    accounts = Accounts(People(log, secrets / "ldap"))

    counters = metrics.register(registry, site, kept, log)
    directories = Directories(Provisioner(secrets / "provisioner" / "token", log, counters=counters))
    failures = recorder.register(registry, site, counters.failed, kept, log)
    usage = poll.register(registry, site, directories.provisioner, log)
    notices = feed.register(registry, site, usage, kept, log)
    page = StartPage(site, accounts, failures, notices)
    queue = start_queue.register(registry, site, kept, log)
    handler.register(registry, page, queue)
    spawn_tests = spawn_test.register(registry, site, accounts.find, adjust, kept, log)
    registry.answer(status=Health(site, kept, directories.provisioner, spawn_tests.status))
    registry.answer(**Queries(site, kept, accounts.find, adjust).queries)
    registry.run(admin_socket.serve(registry.ask, log, socket))
    registry.run(kept.follow())
    registry.run(proxy.follow())
    origins.register(c)

    planner = Planner(site, accounts, directories, counters, adjust)
    frame = _frame(c, claim)
    rooms = classroom.register(c, registry, site, frame, log)
    _spawner(c, Hooks(planner, frame, failures, counters, queue, rooms, _earlier(c)), page, failures, queue)
    executions.register(c, registry, site, planner, frame, log)
    grading.register(registry, planner)
    _hub(c)
    admins.register(c, site, log)
    logins.register(site, log)
    bounds.bound(c)


def _place(c: Any) -> Place:
    try:
        return database.place(c, STATE)
    except CannotKeep as error:
        raise SystemExit(f"coursehub: {error}. The hub starts when that is well; see jupyterhub.hub.db") from None


def _spawner(c: Any, hooks: Hooks, page: StartPage, recorder: Recorder, queue: StartQueue) -> None:
    c.JupyterHub.spawner_class = CoursehubSpawner
    c.CoursehubSpawner.recorder = recorder
    c.CoursehubSpawner.queue = queue
    c.KubeSpawner.options_form = page.options_form
    c.KubeSpawner.options_from_form = hooks.options_from_form
    c.KubeSpawner.apply_user_options = hooks.apply_user_options
    c.KubeSpawner.pre_spawn_hook = hooks.pre_spawn
    c.KubeSpawner.modify_pod_hook = hooks.modify_pod
    c.KubeSpawner.after_pod_created_hook = hooks.wait


def _hub(c: Any) -> None:
    c.JupyterHub.setdefault("proxy_class", Routes)
    c.JupyterHub.setdefault("default_url", handler.courses_url)
    c.JupyterHub.allow_named_servers = False
    # Whoever comes waits for their turn, and nobody is sent away.
    c.JupyterHub.concurrent_spawn_limit = 0
    # Our pages go before JupyterHub's own, the site's before ours.
    pages = str(Path(handler.__file__).parent)
    if isinstance(c.JupyterHub.get("template_paths"), list):
        c.JupyterHub.template_paths.append(pages)
    else:
        c.JupyterHub.template_paths.insert(0, pages)


def _same_version(site: Path) -> None:
    """Ends the hub where the chart's version, if it can be read, is not the package's, which may not know its keys."""
    files = folders.site(site)
    wanted = None
    for file, text in () if isinstance(files, InvalidFile) else files:
        with suppress(InvalidFile):
            wanted = document.read(file, text).data.get("version", wanted) if isinstance(text, str) else wanted
    if wanted not in (None, VERSION):
        raise SystemExit(
            f"coursehub: this hub image holds version {VERSION}, and the chart is version {wanted}. Set "
            f"jupyterhub.hub.image to the hub image of version {wanted}; if it is not in your registry yet, make it "
            "with images/hub/Containerfile of that version and push it."
        )


def _known_releases(log: Log) -> None:
    """Warns where the hub's packages are older than is safe, or are others than the tests run with."""
    hub, spawner = jupyterhub.__version__, kubespawner.__version__
    if newer := release.newer(hub):
        log.warning(
            "This hub runs JupyterHub %s, of which holes are published: make the hub's image with %s.", hub, newer
        )
    if not release.tried(hub, spawner):
        log.warning(
            "This hub runs JupyterHub %s and KubeSpawner %s; coursehub is tested with %s: make the hub's image with "
            "these.",
            hub,
            spawner,
            release.RANGE,
        )


def _frame(c: Any, claim: str) -> Frame:
    given = {name: deepcopy(c.KubeSpawner[name]) for name in _FRAMED if name in c.KubeSpawner}
    secrets = given.get("image_pull_secrets") or []
    secrets = [secrets] if isinstance(secrets, str) else secrets
    required, preferred = (_listed(given.get(f"node_affinity_{each}")) for each in ("required", "preferred"))
    terms = {"nodeSelectorTerms": required} if required else None
    near = {"required": terms, "preferred": preferred}
    return Frame(
        claim=claim,
        namespace=given.get("namespace") or "default",
        node_selector=given.get("node_selector") or {},
        tolerations=tuple(_listed(given.get("tolerations"))),
        priority_class=given.get("priority_class_name") or None,
        labels=given.get("common_labels") or KubeSpawner.common_labels.default(),
        annotations=given.get("extra_annotations") or {},
        pull_policy=given.get("image_pull_policy") or None,
        pull_secrets=tuple(secret if isinstance(secret, Mapping) else {"name": secret} for secret in secrets),
        scheduler=given.get("scheduler_name") or None,
        node_affinity={f"{each}DuringSchedulingIgnoredDuringExecution": found for each, found in near.items() if found},
    )


def _listed(given: Any) -> list[Any]:
    """As KubeSpawner takes it, which allows a mapping in the order of its keys."""
    return [given[key] for key in sorted(given)] if isinstance(given, Mapping) else list(given or ())


def _earlier(c: Any) -> Mapping[str, Hook]:
    names = ("pre_spawn_hook", "modify_pod_hook", "after_pod_created_hook")
    found = {name: c[section][name] for name in names for section in ("Spawner", "KubeSpawner") if name in c[section]}
    return {name: hook for name, hook in found.items() if callable(hook)}
