"""The only place that touches the hub's configuration: `configure(c)`, called by one line of `hub.extraConfig`."""

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from kubespawner import KubeSpawner
from traitlets.log import get_logger

from coursehub.config import document
from coursehub.errors import InvalidFile
from coursehub.live import configmaps, folders
from coursehub.live.snapshot import Site
from coursehub.people.directory import People
from coursehub.servers import site_module
from coursehub.servers.manifest import Frame
from coursehub.version import VERSION

from . import metrics, proxy, spawn_test
from .accounts import Accounts
from .admin import queries
from .admin import socket as admin_socket
from .admin.health import Health
from .failures import recorder
from .failures.recorder import Recorder
from .hooks import Hook, Hooks
from .notices import feed
from .pages import handler
from .pages.page import StartPage
from .planner import Planner
from .proxy import Routes
from .registry import Registry
from .spawner import CoursehubSpawner
from .usage import poll
from .volume.directories import Directories
from .volume.provisioner import Provisioner
from .volume.share import Share

SHARE = Path("/srv/coursehub/share")
# Beside the hub's database, on the volume that is the hub's alone.
STATE = Path("/srv/jupyterhub/coursehub")
CLAIM = "coursehub-storage"
# Upstream's keys of where servers run, which a course's class of nodes goes over, and of how they are labelled.
_FRAMED = ("namespace", "node_selector", "tolerations", "priority_class_name", "common_labels")


def configure(
    c: Any,
    *,
    config: Path | None = None,
    share: Path = SHARE,
    state: Path = STATE,
    claim: str = CLAIM,
    socket: Path = admin_socket.PATH,
) -> None:
    """Puts courses, plan and gate into the hub's configuration `c`; hooks that are there already run before ours.

    Raises InvalidFile where the site's values cannot be used and no earlier ones are known: the hub then does not
    start, and its log says why. These, the course files and the provisioner's Secret come from the API server, or from
    folders below `config`.
    """
    log = get_logger()
    names = ("site", "courses", "secret")
    values, courses, secret = (config / name for name in names) if config else configmaps.followed(log)
    _same_version(values)
    site = Site(values, courses, log, state)
    site.follow()
    module = site.current.settings.site_module
    adjust = site_module.load(module) if module else None
    accounts = Accounts(People(log))
    registry = Registry(c)

    counters = metrics.register(registry, site, log)
    directories = Directories(Share(share), Provisioner(secret / "token", log, counters=counters))
    failures = recorder.register(registry, site, counters.failed, state / "failures", log)
    usage = poll.register(registry, site, directories.provisioner, log)
    notices = feed.register(registry, site, usage, state, log)
    page = StartPage(site, accounts, failures, notices)
    handler.register(registry, page)
    spawn_tests = spawn_test.register(registry, site, accounts.find, adjust, state, log)
    registry.answer(status=Health(site, directories, spawn_tests.status))
    queries.register(registry, site, accounts.find, adjust, socket)
    registry.run(proxy.follow())

    planner = Planner(site, accounts, directories, counters, adjust)
    _spawner(c, Hooks(planner, _frame(c, claim), failures, counters, _earlier(c)), page, failures)
    _hub(c, site)


def _spawner(c: Any, hooks: Hooks, page: StartPage, recorder: Recorder) -> None:
    c.JupyterHub.spawner_class = CoursehubSpawner
    c.CoursehubSpawner.recorder = recorder
    c.KubeSpawner.options_form = page.options_form
    c.KubeSpawner.options_from_form = hooks.options_from_form
    c.KubeSpawner.apply_user_options = hooks.apply_user_options
    c.KubeSpawner.pre_spawn_hook = hooks.pre_spawn
    c.KubeSpawner.modify_pod_hook = hooks.modify_pod
    c.KubeSpawner.after_pod_created_hook = hooks.wait


def _hub(c: Any, site: Site) -> None:
    c.JupyterHub.setdefault("proxy_class", Routes)
    c.JupyterHub.setdefault("default_url", handler.courses_url)
    c.JupyterHub.allow_named_servers = False
    c.Authenticator.admin_users = {*c.Authenticator.get("admin_users", ()), *site.current.settings.admins}
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


def _frame(c: Any, claim: str) -> Frame:
    given = {name: deepcopy(c.KubeSpawner[name]) for name in _FRAMED if name in c.KubeSpawner}
    tolerations = given.get("tolerations") or []
    if isinstance(tolerations, Mapping):
        tolerations = [tolerations[key] for key in sorted(tolerations)]
    return Frame(
        claim=claim,
        namespace=given.get("namespace") or "default",
        node_selector=given.get("node_selector") or {},
        tolerations=tuple(tolerations),
        priority_class=given.get("priority_class_name") or None,
        labels=given.get("common_labels") or KubeSpawner.common_labels.default(),
    )


def _earlier(c: Any) -> Mapping[str, Hook]:
    names = ("pre_spawn_hook", "modify_pod_hook", "after_pod_created_hook")
    found = {name: c[section][name] for name in names for section in ("Spawner", "KubeSpawner") if name in c[section]}
    return {name: hook for name, hook in found.items() if callable(hook)}
