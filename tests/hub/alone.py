"""The configuration of a hub in a process of its own, which a test ends and starts again."""

import os
from pathlib import Path
from typing import Any

from coursehub.hub.configure import configure
from coursehub.live import kept

from tests.hub.conftest import CHART, Routes


def configured(c: Any, folder: Path, port: int, database: str, tokens: dict[str, str]) -> None:
    """As far as a test sees it as upstream's chart and ours have it; `tokens` are of the services."""
    kept.PAUSE = 0.5
    c.JupyterHub.bind_url = "http://127.0.0.1:0/"
    c.JupyterHub.hub_port = port
    c.JupyterHub.log_level = 30
    c.JupyterHub.cookie_secret_file = str(folder / "cookie")
    c.JupyterHub.db_url = database
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.authenticator_class = "dummy"
    c.Authenticator.allow_all = True
    c.JupyterHub.proxy_class = Routes
    c.Proxy.should_start = False
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.Spawner.consecutive_failure_limit = 0
    c.JupyterHub.services = [{"name": name, "api_token": token} for name, token in tokens.items()]
    roles = CHART["jupyterhub"]["hub"]["loadRoles"]
    c.JupyterHub.load_roles = [{"name": name, **role} for name, role in roles.items()]
    c.JupyterHub.load_roles.append({"name": "tests", "scopes": ["admin:users", "servers"], "services": ["tests"]})
    c.KubeSpawner.namespace = "courses"
    c.KubeSpawner.port = int(os.environ["TEST_POD_PORT"])
    configure(c, config=folder, socket=folder / "door")
