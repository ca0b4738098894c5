"""How the running hub and what it depends on are, for `coursehub status`."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import jupyterhub
import kubespawner
from jupyterhub.app import JupyterHub
from prometheus_client import REGISTRY
from sqlalchemy.exc import SQLAlchemyError

from coursehub.config.settings import ProvisionerService
from coursehub.errors import Reason, Refused
from coursehub.hub.metrics import certificate
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.live.kept import Kept
from coursehub.live.snapshot import Site
from coursehub.version import VERSION

# What the spawn test found last: `at` (seconds since 1970), `course`, `ok`, `seconds` and `reason`.
Found = Mapping[str, object]


class Health:
    """Looks at each query, off the event loop and within the time-outs that starts of servers have too."""

    def __init__(
        self, site: Site, kept: Kept, provisioner: Provisioner, spawn_test: Callable[[], Found | None]
    ) -> None:
        self._site = site
        self._kept = kept
        self._provisioner = provisioner
        self._spawn_test = spawn_test

    async def __call__(self) -> dict[str, Any]:
        """Plain data; where something is `null`, there is none of it here, or nothing is wrong with it."""
        now = self._site.current
        storage, (servers, missing) = await asyncio.gather(
            _storage(self._provisioner, now.settings.provisioner), _hub()
        )
        return {
            "versions": {
                "jupyterhub": jupyterhub.__version__,
                "kubespawner": kubespawner.__version__,
                "package": VERSION,
            },
            "courses": {
                "live": len(now.catalog.courses),
                "generation": now.state.generation,
                "time": now.state.time,
                "failure": now.failure,
                "problems": [str(problem) for problem in now.problems],
            },
            "state": {"unsaved": self._kept.unsaved},
            "certificate": REGISTRY.get_sample_value(certificate.NAME),
            **storage,
            "spawn_test": self._spawn_test(),
            "servers": servers,
            "unrouted": missing,
        }


async def _storage(client: Provisioner, service: ProvisionerService | None) -> dict[str, Any]:
    """Of the file server, which nobody knows where the service does not say, and of the service."""
    if service is None:
        return {"share": None, "provisioner": None}
    share: dict[str, str | None] | None = {"failure": None}
    failure = None
    try:
        await client.share(service)
    except Refused as why:
        if why.reason is Reason.FILE_SERVER:
            share = {"failure": str(why)}
        else:
            share, failure = None, str(why)
    return {"share": share, "provisioner": {"url": service.url, "makes": service.makes, "failure": failure}}


async def _hub() -> tuple[dict[str, int] | None, list[str] | str]:
    """See _servers and _missing; None and nothing where the hub's database does not say."""
    if not JupyterHub.initialized():
        return {"ready": 0, "pending": 0}, []
    app = JupyterHub.instance()
    try:
        return _servers(app), await _missing(app)
    except SQLAlchemyError:
        app.db.rollback()
        return None, []


def _servers(app: JupyterHub) -> dict[str, int]:
    """How many run, and how many are on their way up or down."""
    counts = app.users.count_active_users()
    return {"ready": counts.get("ready", 0), "pending": counts.get("pending", 0)}


async def _missing(app: JupyterHub) -> list[str] | str:
    """The paths of servers that run and have no route, or why the proxy did not say."""
    # Whoever becomes ready, or ends, while the proxy answers is not missing.
    ready = [spawner for user in app.users.values() for spawner in user.spawners.values() if spawner.ready]
    try:
        async with asyncio.timeout(5):
            routes = await app.proxy.get_all_routes()
    except Exception as error:  # noqa: BLE001 - whatever it was, the answer has it
        return f"the proxy does not say ({type(error).__name__})"
    return [spawner.proxy_spec for spawner in ready if spawner.ready and spawner.proxy_spec not in routes]
