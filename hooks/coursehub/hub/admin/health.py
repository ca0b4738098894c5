"""How the running hub and what it depends on are, for `coursehub status`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jupyterhub
import kubespawner
from jupyterhub.app import JupyterHub
from prometheus_client import REGISTRY

from coursehub.errors import Refused
from coursehub.hub.metrics import certificate
from coursehub.hub.volume.directories import Directories
from coursehub.live.snapshot import Site
from coursehub.version import VERSION

# What the spawn test found last: `at` (seconds since 1970), `course`, `ok`, `seconds` and `reason`.
Found = Mapping[str, object]


class Health:
    """Looks at each query, off the event loop and within the time-outs that starts of servers have too."""

    def __init__(self, site: Site, directories: Directories, spawn_test: Callable[[], Found | None]) -> None:
        self._site = site
        self._directories = directories
        self._spawn_test = spawn_test

    async def __call__(self) -> dict[str, Any]:
        """Plain data; where something is `null`, there is none of it here, or nothing is wrong with it."""
        now = self._site.current
        service, looks = now.settings.provisioner, self._directories.looks(now.settings)
        share, provisioner, missing = await asyncio.gather(
            _reason(self._directories.share.answers()) if looks else _nothing(),
            _reason(self._directories.provisioner.answers(service)) if service else _nothing(),
            _missing(),
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
                "unsaved": now.unsaved,
                "problems": [str(problem) for problem in now.problems],
            },
            "certificate": REGISTRY.get_sample_value(certificate.NAME),
            "share": {"failure": share} if looks else None,
            "provisioner": {"url": service.url, "failure": provisioner} if service else None,
            "spawn_test": self._spawn_test(),
            "servers": _servers(),
            "unrouted": missing,
        }


def _servers() -> dict[str, int]:
    """How many run, and how many are on their way up or down."""
    counts = JupyterHub.instance().users.count_active_users() if JupyterHub.initialized() else {}
    return {"ready": counts.get("ready", 0), "pending": counts.get("pending", 0)}


async def _missing() -> list[str] | str:
    """The paths of servers that run and have no route, or why the proxy did not say."""
    if not JupyterHub.initialized():
        return []
    app = JupyterHub.instance()
    # Whoever becomes ready, or ends, while the proxy answers is not missing.
    ready = [spawner for user in app.users.values() for spawner in user.spawners.values() if spawner.ready]
    try:
        async with asyncio.timeout(5):
            routes = await app.proxy.get_all_routes()
    except Exception as error:  # noqa: BLE001 - whatever it was, the answer has it
        return f"the proxy does not say ({type(error).__name__})"
    return [spawner.proxy_spec for spawner in ready if spawner.ready and spawner.proxy_spec not in routes]


async def _reason(look: Awaitable[None]) -> str | None:
    try:
        await look
    except Refused as refusal:
        return str(refusal)
    return None


async def _nothing() -> None:
    pass
