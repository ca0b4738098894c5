"""What the hub believes of the proxy: where routes lead, and not who is active."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web
from coursehub.hub.proxy import Routes
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets.config import Config

SAID = {
    "/user/maria": {
        "target": "http://10.0.0.1:8888",
        "hub": False,
        "jupyterhub": True,
        "user": "maria",
        "server_name": "",
        "last_activity": "2026-10-01T12:00:00.000Z",
    },
    "/": {"target": "http://hub:8081", "jupyterhub": True, "hub": True, "last_activity": "2026-10-01T12:00:00.000Z"},
}


@pytest_asyncio.fixture
async def address() -> AsyncIterator[str]:
    """Where a proxy answers."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(SAID)

    app = web.Application()
    app.router.add_get("/api/routes", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_request_that_the_proxy_answered_is_no_activity(address: str) -> None:
    theirs = await ConfigurableHTTPProxy(auth_token="x", api_url=address).get_all_routes()
    ours = await Routes(auth_token="x", api_url=address).get_all_routes()
    assert theirs["/user/maria/"]["data"].pop("last_activity"), "what JupyterHub would take over"
    theirs["/"]["data"].pop("last_activity")
    assert ours == theirs


def test_what_a_site_sets_of_the_proxy_holds() -> None:
    c = Config()
    c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
    c.ConfigurableHTTPProxy.should_start = False
    proxy = Routes(config=c, auth_token="x")
    assert (proxy.api_url, proxy.should_start) == ("http://proxy-api:8001", False)
