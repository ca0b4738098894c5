"""The only place that touches the hub's configuration: `configure(c)`, called by one line of `hub.extraConfig`."""

import asyncio
from collections.abc import Coroutine, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from kubespawner import KubeSpawner
from prometheus_client import REGISTRY
from traitlets.log import get_logger

from coursehub.hub.admin.announcements import Telling
from coursehub.hub.admin.health import Health
from coursehub.hub.admin.queries import Answers, Question
from coursehub.hub.failures.store import Failures
from coursehub.hub.metrics.courses import Live
from coursehub.hub.metrics.servers import Servers
from coursehub.hub.metrics.spawns import Counters
from coursehub.hub.notices.feed import NOTES, Notes, NotesHandler
from coursehub.hub.notices.store import Board
from coursehub.hub.pages.handler import COURSES, CoursesHandler, courses_url
from coursehub.hub.usage.poll import Measuring, Providers
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.hub.volume.share import Share
from coursehub.live.snapshot import Site, Snapshot
from coursehub.people.directory import People
from coursehub.servers import site_module
from coursehub.servers.manifest import Frame
from coursehub.version import VERSION

from . import proxy
from .admin import socket as door
from .hooks import Hook, Hooks
from .metrics import certificate
from .proxy import Routes
from .recorder import Witness
from .spawn_test import TRIALS, TrialHandler, Trials
from .spawner import CoursehubSpawner
from .volume import provisioner

CONFIG = Path("/usr/local/etc/jupyterhub")
SHARE = Path("/srv/coursehub/share")
# Beside the hub's database, on the volume that is the hub's alone.
STATE = Path("/srv/jupyterhub/coursehub")
CLAIM = "coursehub-storage"
# Upstream's keys of where servers run, which a course's class of nodes goes over, and of how they are labelled.
_FRAMED = ("namespace", "node_selector", "tolerations", "priority_class_name", "common_labels")

# A task that nothing refers to can vanish before it ran.
_begun: set[asyncio.Task[Any]] = set()


def configure(
    c: Any,
    *,
    config: Path = CONFIG,
    share: Path = SHARE,
    state: Path = STATE,
    claim: str = CLAIM,
    socket: Path = door.PATH,
    token: Path = provisioner.TOKEN,
) -> Hooks:
    """Puts courses, plan and gate into the hub's configuration `c`; hooks that are there already run before ours.

    Raises InvalidFile where the site's values cannot be used and no earlier ones are known: the hub then does not
    start, and its log says why.
    """
    log = get_logger()
    site = Site(config / "site", config / "courses", log, state)
    _same_version(site.current)
    site.follow()
    counters = Counters()
    failures = Failures(state / "failures", lambda: site.current.settings.servers.failure_days, log)
    witness = Witness(failures, counters, lambda: site.current.settings.zone, log)
    module = site.current.settings.site_module
    adjust = site_module.load(module) if module else None
    volume, board, service = Share(share), Board(state, log), Provisioner(token, log, counters=counters)
    measuring = Measuring(lambda: site.current.settings, Providers(service), log)
    notes = Notes(lambda: site.current.settings, board, measuring)
    hooks = Hooks(
        site,
        volume,
        People(log),
        _frame(c, claim),
        provisioner=service,
        witness=witness,
        notes=notes,
        adjust=adjust,
        earlier=_hooks(c),
        counters=counters,
    )
    trials = Trials(lambda: site.current, hooks.find, state, log, adjust)
    seen = certificate.Expiry(lambda: site.current.settings.certificate, log)
    for numbers in (Live(lambda: site.current), Servers(), counters, measuring, seen, trials):
        REGISTRY.register(numbers)
    telling = Telling(lambda: site.current, board, measuring)
    more: dict[str, Question] = {
        "logs": witness.logs,
        "status": Health(site, volume, service, trials.report),
        **telling.questions,
    }
    for work in (
        door.open_to(Answers(site, hooks.find, adjust, more), socket),
        seen.follow(),
        measuring.follow(),
        failures.prune(),
        proxy.follow(),
    ):
        _begin(work)
    c.JupyterHub.spawner_class = CoursehubSpawner
    c.CoursehubSpawner.witness = witness
    c.JupyterHub.setdefault("proxy_class", Routes)
    c.KubeSpawner.options_form = hooks.options_form
    c.KubeSpawner.options_from_form = hooks.options_from_form
    c.KubeSpawner.apply_user_options = hooks.apply_user_options
    c.KubeSpawner.pre_spawn_hook = hooks.pre_spawn
    c.KubeSpawner.modify_pod_hook = hooks.modify_pod
    c.KubeSpawner.after_pod_created_hook = hooks.wait
    c.JupyterHub.extra_handlers.extend(
        [
            (COURSES, CoursesHandler, {"choosing": hooks}),
            (NOTES, NotesHandler, {"notes": notes}),
            (TRIALS, TrialHandler, {"trials": trials}),
        ]
    )
    # JupyterHub calls each with whoever looks at a page; a failure is told of whose server the page is about.
    c.JupyterHub.template_vars.update(
        {"coursehub_announcement": notes.banner, "coursehub_failure": lambda _: witness.told}
    )
    c.JupyterHub.setdefault("default_url", courses_url)
    _templates(c)
    c.JupyterHub.allow_named_servers = False
    c.Authenticator.admin_users = {*c.Authenticator.get("admin_users", ()), *site.current.settings.admins}
    return hooks


def _same_version(live: Snapshot) -> None:
    """Ends the hub where the chart's version, if it could be read, is not the package's."""
    wanted = live.settings.version
    if wanted not in (None, VERSION) and not live.failure and not live.state.settings_kept:
        raise SystemExit(
            f"coursehub: this hub image holds version {VERSION}, and the chart is version {wanted}. Set "
            f"jupyterhub.hub.image to the hub image of version {wanted}; if it is not in your registry yet, make it "
            "with images/hub/Containerfile of that version and push it."
        )


def _begin(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Where JupyterHub runs: it reads its configuration on the event loop that it then works on."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        coroutine.close()
        return
    _begun.add(task := loop.create_task(coroutine))
    task.add_done_callback(_begun.discard)


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


def _hooks(c: Any) -> Mapping[str, Hook]:
    names = ("pre_spawn_hook", "modify_pod_hook", "after_pod_created_hook")
    found = {name: c[section][name] for name in names for section in ("Spawner", "KubeSpawner") if name in c[section]}
    return {name: hook for name, hook in found.items() if callable(hook)}


def _templates(c: Any) -> None:
    """Our pages go before JupyterHub's own, the site's before ours."""
    ours = str(Path(__file__).parent / "pages")
    if isinstance(c.JupyterHub.get("template_paths"), list):
        c.JupyterHub.template_paths.append(ours)
    else:
        c.JupyterHub.template_paths.insert(0, ours)
