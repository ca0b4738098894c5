"""What the hub believes of the proxy: where routes lead, and not who is active."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
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


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(proxy: Any, path: str, **_: Any) -> Any:
        return SimpleNamespace(body=json.dumps(SAID).encode())

    monkeypatch.setattr(ConfigurableHTTPProxy, "api_request", answer)


@pytest.mark.usefixtures("answering")
async def test_a_request_that_the_proxy_answered_is_no_activity() -> None:
    theirs = await ConfigurableHTTPProxy(auth_token="x").get_all_routes()
    ours = await Routes(auth_token="x").get_all_routes()
    assert theirs["/user/maria/"]["data"].pop("last_activity"), "what JupyterHub would take over"
    theirs["/"]["data"].pop("last_activity")
    assert ours == theirs


def test_what_a_site_sets_of_the_proxy_holds() -> None:
    c = Config()
    c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
    c.ConfigurableHTTPProxy.should_start = False
    proxy = Routes(config=c, auth_token="x")
    assert (proxy.api_url, proxy.should_start) == ("http://proxy-api:8001", False)
