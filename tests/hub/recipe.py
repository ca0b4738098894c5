"""What a hub of its own process reads as its configuration: a values file, handed over as upstream's chart does it."""

import json
import os
from pathlib import Path

from coursehub.hub.configure import configure
from coursehub.live.kept import Folder

from tests.hub.conftest import Routes

c = get_config()  # type: ignore[name-defined] # noqa: F821 - JupyterHub gives it
folder = Path(os.environ["RECIPE"])
given = json.loads((folder / "recipe.json").read_text())
for section, traits in given["config"].items():
    c[section].update(traits)
c.JupyterHub.update(
    {
        "bind_url": "http://127.0.0.1:0/",
        "hub_port": given["port"],
        "subdomain_host": "",
        "cookie_secret": os.urandom(32),
        "db_url": "sqlite:///:memory:",
        "proxy_class": Routes,
        "spawner_class": "kubespawner.KubeSpawner",
        "log_level": 30,
    }
)
c.CryptKeeper.keys = [os.urandom(32)]
c.Proxy.should_start = False
configure(c, config=folder, place=Folder(folder / "state"), socket=folder / "door")
