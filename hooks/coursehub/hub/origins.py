"""Each server on an origin of its own: the hub answers at its own address, and at no server's.

JupyterHub is the proxy's default for every host. So its pages, login among them, would open on the origin of somebody's
server too, whose scripts read them there.
"""

import asyncio
import re
from typing import Any

from jupyterhub.app import JupyterHub
from tornado.web import RequestHandler


class Elsewhere(RequestHandler):
    """Whoever follows a link is led to the hub; whatever would change something is refused."""

    def initialize(self, hub: str) -> None:
        """`hub` is its address, to the port."""
        self._hub = hub

    def check_xsrf_cookie(self) -> None:
        """Nothing is done here that somebody could be made to do."""

    def prepare(self) -> None:
        """See RequestHandler."""
        if self.request.method in ("GET", "HEAD"):
            self.redirect(f"{self._hub}{self.request.uri}")
            return
        self.set_status(403)
        self.set_header("Content-Type", "text/plain")
        self.finish(f"The hub is at {self._hub} alone.")


def register(c: Any) -> None:
    """Does so for the hub of this process, and with https has browsers take its cookies from itself alone."""
    address = c.JupyterHub.get("subdomain_host")
    if not address:
        return
    if address.startswith("https:"):
        c.JupyterHub.setdefault("cookie_host_prefix_enabled", True)
    if JupyterHub.initialized():
        app = JupyterHub.instance()
        # It has its handlers, and in the same step makes its application of them, long before it listens.
        app.observe(lambda _: asyncio.get_running_loop().call_soon(_keep, app), "handlers")


def _keep(app: Any) -> None:
    pages = rf"{re.escape(app.hub.base_url)}.*"
    below = rf".+\.{re.escape(app.domain)}"
    app.tornado_application.add_handlers(below, [(pages, Elsewhere, {"hub": app.subdomain_host})])
