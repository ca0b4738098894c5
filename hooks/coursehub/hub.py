"""The only place that touches the hub's configuration: `configure(c)`, called by one line of `hub.extraConfig`."""

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from kubespawner import KubeSpawner
from prometheus_client import REGISTRY
from traitlets.log import get_logger

from . import door, provisioner, sitemodule
from .answers import Answers
from .counters import Counters
from .directory import People
from .gate import Frame
from .handler import COURSES, CoursesHandler, courses_url
from .metrics import Live
from .provisioner import Provisioner
from .site import Site
from .spawner import CoursehubSpawner, Hook, Hooks
from .storage import Share
from .trials import TRIALS, TrialHandler, Trials

CONFIG = Path("/usr/local/etc/jupyterhub")
SHARE = Path("/srv/coursehub/share")
# Beside the hub's database, on the volume that is the hub's alone.
STATE = Path("/srv/jupyterhub/coursehub")
CLAIM = "coursehub-storage"
# Upstream's keys of where servers run, which a course's class of nodes goes over, and of how they are labelled.
_FRAMED = ("namespace", "node_selector", "tolerations", "priority_class_name", "common_labels")

# A task that nothing refers to can vanish before it ran.
_opening: set[asyncio.Task[asyncio.Server]] = set()


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
    site.follow()
    counters = Counters()
    module = site.current.settings.site_module
    adjust = sitemodule.load(module) if module else None
    hooks = Hooks(
        site,
        Share(share),
        People(log),
        _frame(c, claim),
        provisioner=Provisioner(token, log, counters=counters),
        adjust=adjust,
        earlier=_hooks(c),
        counters=counters,
    )
    trials = Trials(lambda: site.current, hooks.find, state, log, adjust)
    for numbers in (Live(lambda: site.current), counters, trials):
        REGISTRY.register(numbers)
    _open_door(Answers(site, hooks.find, adjust), socket)
    c.JupyterHub.spawner_class = CoursehubSpawner
    c.KubeSpawner.options_form = hooks.options_form
    c.KubeSpawner.options_from_form = hooks.options_from_form
    c.KubeSpawner.apply_user_options = hooks.apply_user_options
    c.KubeSpawner.pre_spawn_hook = hooks.pre_spawn
    c.KubeSpawner.modify_pod_hook = hooks.modify_pod
    c.KubeSpawner.after_pod_created_hook = hooks.wait
    c.JupyterHub.extra_handlers.append((COURSES, CoursesHandler, {"choosing": hooks}))
    c.JupyterHub.extra_handlers.append((TRIALS, TrialHandler, {"trials": trials}))
    c.JupyterHub.setdefault("default_url", courses_url)
    _templates(c)
    c.JupyterHub.allow_named_servers = False
    c.Authenticator.admin_users = {*c.Authenticator.get("admin_users", ()), *site.current.settings.admins}
    return hooks


def _open_door(answers: Answers, path: Path) -> None:
    """Where JupyterHub runs: it reads its configuration on the event loop that it then works on."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    _opening.add(task := loop.create_task(door.open_to(answers, path)))
    task.add_done_callback(_opening.discard)


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
    ours = str(Path(__file__).parent)
    if isinstance(c.JupyterHub.get("template_paths"), list):
        c.JupyterHub.template_paths.append(ours)
    else:
        c.JupyterHub.template_paths.insert(0, ours)
