"""What the hub believes of the proxy."""

from typing import Any

from jupyterhub.proxy import ConfigurableHTTPProxy


class Routes(ConfigurableHTTPProxy):  # type: ignore[misc] # JupyterHub is untyped
    """The proxy, without its word on who is active.

    For it every answered request is activity, so that JupyterLab in a forgotten tab, which asks all the time, would
    keep a server for ever (JupyterHub 5.5 takes it over in update_last_activity). Servers tell by themselves.
    """

    async def get_all_routes(self, client: Any = None) -> dict[str, dict[str, Any]]:
        """See Proxy."""
        routes: dict[str, dict[str, Any]] = await super().get_all_routes(client)
        for route in routes.values():
            route["data"].pop("last_activity", None)
        return routes
