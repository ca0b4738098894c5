"""The proxy, as the hub uses it, and its routes after it restarted: JupyterHub looks at them every five minutes.

`follow` looks every second. A restarted proxy knows no routes. So each gets a mark, a route that JupyterHub takes for
nobody's and leaves alone; to ask for that one route costs next to nothing, and where it is missing, all routes are put
back at once.
"""

import asyncio
import json
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.proxy import ConfigurableHTTPProxy
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

MARK = "/coursehub-routes-are-here"
EVERY = 1.0
_PATIENCE = 2.0


class Routes(ConfigurableHTTPProxy):  # type: ignore[misc] # JupyterHub is untyped
    """The proxy, without its word on who is active.

    For it every answered request is activity, so that JupyterLab in a forgotten tab, which asks all the time, would
    keep a server for ever (JupyterHub takes it over in update_last_activity). Servers tell by themselves.
    """

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """See Proxy."""
        routes: dict[str, dict[str, Any]] = await super().get_all_routes()
        for route in routes.values():
            route["data"].pop("last_activity", None)
        return routes


async def follow(every: float = EVERY) -> None:
    """Keeps the proxy of the hub in this process routed, from the hub's start to its end; without one, does nothing."""
    if not JupyterHub.initialized():
        return
    app = JupyterHub.instance()
    await app._start_future
    if not isinstance(app.proxy, ConfigurableHTTPProxy):
        return
    while True:
        await asyncio.sleep(every)
        try:
            if await _ask(app.proxy, "GET") == 404:
                await app.proxy.check_routes(app.users, app._service_map)
                await _ask(app.proxy, "POST", json.dumps({"target": app.hub.host}))
                app.log.info("The proxy had no routes; now it has them.")
        except (OSError, HTTPClientError):
            # Between two proxies nobody listens.
            continue
        except Exception:  # whatever it was, servers need their routes
            app.log.exception("The proxy's routes could not be put back; the next try follows.")


async def _ask(proxy: Any, method: str, body: str | None = None) -> int:
    """The status with which the proxy's API answers about the mark; raises OSError or HTTPClientError without one."""
    request = HTTPRequest(
        f"{proxy.api_url}/api/routes{MARK}",
        method=method,
        body=body,
        headers={"Authorization": f"token {proxy.auth_token}"},
        connect_timeout=_PATIENCE,
        request_timeout=_PATIENCE,
    )
    return int((await AsyncHTTPClient().fetch(request, raise_error=False)).code)
