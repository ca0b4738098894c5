"""The hub's configuration under the stand-in: the chart's values, then hub.config, then hub.extraConfig."""

import os
import sys
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient

# JupyterHub runs this file with a function of this name in it, which z2jh's own then replaces.
c: Any = globals()["get_config"]()

sys.path.insert(0, str(Path(__file__).resolve().parent))

from z2jh import get_config, get_name, get_name_env, get_secret_value, set_config_if_not_none  # noqa: E402


def hub() -> None:
    """JupyterHub itself: a proxy in a pod of its own, servers that outlive the hub, a database of its own."""
    AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.last_activity_interval = 60
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
    if get_config("hub.db.type") == "postgres":
        set_config_if_not_none(c.JupyterHub, "db_url", "hub.db.url")
    c.JupyterHub.hub_bind_url = "http://:8081"
    c.JupyterHub.hub_connect_url = f"http://{get_name('hub')}:{get_name_env('hub', '_SERVICE_PORT')}"
    c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
    c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://{get_name('proxy-api')}:{get_name_env('proxy-api', '_SERVICE_PORT')}"
    for trait, key in {
        "active_server_limit": "activeServerLimit",
        "allow_named_servers": "allowNamedServers",
        "base_url": "baseUrl",
        "concurrent_spawn_limit": "concurrentSpawnLimit",
        "redirect_to_server": "redirectToServer",
    }.items():
        set_config_if_not_none(c.JupyterHub, trait, f"hub.{key}")
    set_config_if_not_none(c.Spawner, "consecutive_failure_limit", "hub.consecutiveFailureLimit")
    if get_config("debug.enabled"):
        c.JupyterHub.log_level = "DEBUG"
        c.Spawner.debug = True


def servers() -> None:
    """KubeSpawner, from singleuser."""
    release, chart = get_config("Release.Name"), f"{get_config('Chart.Name')}-{get_config('Chart.Version')}"
    app = get_config("nameOverride", get_config("Chart.Name"))
    c.KubeSpawner.namespace = os.environ["POD_NAMESPACE"]
    c.KubeSpawner.common_labels = {
        "app": app,
        "app.kubernetes.io/name": app,
        "release": release,
        "app.kubernetes.io/instance": release,
        "chart": chart,
        "helm.sh/chart": chart,
        "app.kubernetes.io/managed-by": "kubespawner",
    }
    c.KubeSpawner.image = "{name}:{tag}".format_map(get_config("singleuser.image"))
    for trait, key in {
        "events_enabled": "events",
        "extra_annotations": "extraAnnotations",
        "extra_labels": "extraLabels",
        "fs_gid": "fsGid",
        "image_pull_policy": "image.pullPolicy",
        "mem_guarantee": "memory.guarantee",
        "node_affinity_preferred": "extraNodeAffinity.preferred",
        "node_affinity_required": "extraNodeAffinity.required",
        "node_selector": "nodeSelector",
        "pod_affinity_preferred": "extraPodAffinity.preferred",
        "pod_affinity_required": "extraPodAffinity.required",
        "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
        "pod_anti_affinity_required": "extraPodAntiAffinity.required",
        "start_timeout": "startTimeout",
        "uid": "uid",
    }.items():
        set_config_if_not_none(c.KubeSpawner, trait, f"singleuser.{key}")
    set_config_if_not_none(c.Spawner, "cmd", "singleuser.cmd")
    made = get_config("imagePullSecret.create") and get_config("imagePullSecret.automaticReferenceInjection")
    secrets = [
        *([get_name("image-pull-secret")] if made else []),
        *get_config("imagePullSecrets", []),
        *get_config("singleuser.image.pullSecrets", []),
    ]
    if secrets:
        c.KubeSpawner.image_pull_secrets = secrets
    c.KubeSpawner.tolerations = [
        {"key": f"hub.jupyter.org{mark}dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"}
        for mark in "/_"
    ] + get_config("singleuser.extraTolerations", [])
    # Dicts by name, as upstream hands them over since 4.0.
    c.KubeSpawner.volumes = {}
    c.KubeSpawner.volume_mounts = {}


def services() -> None:
    """The site's own services and roles."""
    c.JupyterHub.services = []
    c.JupyterHub.load_roles = []
    for name, service in get_config("hub.services", {}).items():
        token = {"api_token": get_secret_value(f"hub.services.{name}.apiToken")}
        given = {key: value for key, value in service.items() if key != "apiToken"}
        c.JupyterHub.services.append({"name": name} | given | token)
    for name, role in get_config("hub.loadRoles", {}).items():
        c.JupyterHub.load_roles.append({"name": name} | role)


def site() -> None:
    """hub.config over all of the above, except the three secrets, which come from the Secret."""
    secret = {"JupyterHub": "cookie_secret", "CryptKeeper": "keys", "ConfigurableHTTPProxy": "auth_token"}
    for section, traits in get_config("hub.config", {}).items():
        given: dict[str, Any] = {trait: value for trait, value in traits.items() if trait != secret.get(section)}
        c[section].update(given)


hub()
servers()
services()
site()
for _name, _source in sorted(get_config("hub.extraConfig", {}).items()):
    exec(_source)  # noqa: S102 - the chart's documented way to configure the hub in Python
