"""The only place that touches the hub's configuration: `configure(c)`, called by one line of `hub.extraConfig`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets.log import get_logger

from .site import Site
from .spawner import CoursehubSpawner, Hook, Hooks
from .storage import Share

CONFIG = Path("/usr/local/etc/jupyterhub")
SHARE = Path("/srv/coursehub/share")
CLAIM = "coursehub-storage"


def configure(c: Any, *, config: Path = CONFIG, share: Path = SHARE, claim: str = CLAIM) -> Hooks:
    """Puts courses, plan and gate into the hub's configuration `c`; hooks that are there already run before ours.

    Raises InvalidFile where the site's values cannot be used: the hub then does not start, and its log says why.
    """
    site = Site(config / "site", config / "courses", get_logger())
    site.follow()
    hooks = Hooks(site, Share(share), claim, earlier=_hooks(c))
    c.JupyterHub.spawner_class = CoursehubSpawner
    c.KubeSpawner.options_form = hooks.options_form
    c.KubeSpawner.options_from_form = hooks.options_from_form
    c.KubeSpawner.apply_user_options = hooks.apply_user_options
    c.KubeSpawner.pre_spawn_hook = hooks.pre_spawn
    c.KubeSpawner.modify_pod_hook = hooks.modify_pod
    c.KubeSpawner.after_pod_created_hook = hooks.wait
    c.JupyterHub.allow_named_servers = False
    c.Authenticator.admin_users = {*c.Authenticator.get("admin_users", ()), *site.current.settings.admins}
    return hooks


def _hooks(c: Any) -> Mapping[str, Hook]:
    names = ("pre_spawn_hook", "modify_pod_hook", "after_pod_created_hook")
    found = {name: c[section][name] for name in names for section in ("Spawner", "KubeSpawner") if name in c[section]}
    return {name: hook for name, hook in found.items() if callable(hook)}
