"""Admins of a running hub are exactly those in `admins`, from the moment at which the site's values say so."""

import re
import runpy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from jupyterhub import orm
from jupyterhub.services.auth import HubOAuth

from tests.hub.conftest import HOST, SITE, Browser, Hub, Login, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOBODY = SITE.replace("admins: [sofia]", "admins: []")
ANNA = SITE.replace("admins: [sofia]", "admins: [sofia, anna]")
VISITS = Path(__file__).parents[2] / "images/singleuser/coursehub_visits.py"
POWERS = ["admin-ui", "admin:users", "admin:servers", "tokens", "access:servers", "list:users", "read:metrics"]


async def asked(hub: Hub, token: str, method: str, path: str, body: bytes | None = None) -> httpx.Response:
    async with hub._client() as client:
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        return await client.request(method, path, headers=headers, content=body)


async def visited(hub: Hub, visitor: Browser, owner: str) -> str:
    """The token that `owner`'s server has of its `visitor`, got as JupyterHub's own single-user server gets it."""
    client = f"jupyterhub-user-{owner}"
    spawner = hub.app.users[owner].spawner
    asks = {"client_id": client, "redirect_uri": spawner.get_env()["JUPYTERHUB_OAUTH_CALLBACK_URL"], "state": "x"}
    there = "api/oauth2/authorize"
    page = await visitor._client.get(there, params={**asks, "response_type": "code"})
    if page.status_code == 200:
        scopes = re.findall(r'name="scopes"[^>]*value="([^"]+)"', page.text)
        params = {**asks, "response_type": "code", "_xsrf": visitor._client.cookies["_xsrf"]}
        headers = {"Referer": str(page.url), "Sec-Fetch-Mode": "navigate"}
        page = await visitor._client.post(there, params=params, data={"scopes": scopes}, headers=headers)
    assert page.status_code == 302, page.text
    code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
    data = {"client_id": client, "client_secret": spawner.api_token, "grant_type": "authorization_code", "code": code}
    async with hub._client() as server:
        answer = await server.post("api/oauth2/token", data={**data, "redirect_uri": asks["redirect_uri"]})
    return str(answer.json()["access_token"])


async def test_of_whom_the_values_name_no_more_the_next_request_as_admin_is_refused(hub: Hub) -> None:
    assert await hub.start("maria") == "ready"
    session = await hub.login("sofia")
    user = hub.app.users["sofia"]
    everything, narrow = user.new_api_token(), user.new_api_token(scopes=POWERS)
    visit = await visited(hub, session, "maria")
    requests = [("GET", "api/users"), ("GET", "metrics"), ("PATCH", "api/users/maria"), ("DELETE", "api/users/jonas")]
    await hub.login("jonas")

    assert (await session.get("admin")).status_code == 200
    for token in (everything, narrow):
        assert (await asked(hub, token, "GET", "api/users")).status_code == 200
    assert "access:servers!server=maria/" in (await asked(hub, visit, "GET", "api/user")).json()["scopes"]

    async with hub.values(NOBODY):
        await until(lambda: not user.admin, "sofia is no admin any more")
        assert (await session.get("admin")).status_code == 403
        for token in (everything, narrow, user.new_api_token(), visit):
            for method, path in requests:
                body = b"{}" if method == "PATCH" else None
                assert (await asked(hub, token, method, path, body)).status_code in (403, 404), (method, path)
            scopes = (await asked(hub, token, "GET", "api/user")).json().get("scopes", [])
            assert [scope for scope in scopes if not scope.endswith("!user=sofia")] == []
        again = await hub.login("sofia")
        assert (await again.get("admin")).status_code == 403, "nor by another login"
        assert (await again.page("spawn")).choices, "and is like others in everything else"
    await until(lambda: user.admin, "sofia is an admin again")
    assert (await session.get("admin")).status_code == 200


async def test_a_server_that_was_open_to_an_admin_is_closed_at_the_next_request(hub: Hub) -> None:
    """By JupyterHub's own part of a server, with what the image has in its place for the answers of five minutes."""
    assert await hub.start("maria") == "ready"
    tokens = [await visited(hub, await hub.login(name), "maria") for name in ("sofia", "maria")]
    door = HubOAuth(
        api_url=hub.app.hub.url.rstrip("/").replace(HOST, "127.0.0.1") + "/api",
        api_token=hub.app.users["maria"].spawner.api_token,
        access_scopes={"access:servers!server=maria/"},
    )
    runpy.run_path(str(VISITS))["ask_of_visitors"](door, "maria")

    async def enters(token: str) -> bool:
        return bool(door.check_scopes(door.access_scopes, await door.user_for_token(token, sync=False)))

    assert [await enters(token) for token in tokens] == [True, True]
    assert len(door.cache) == 1, "the owner's requests do not ask the hub each time"
    async with hub.values(NOBODY):
        await until(lambda: not hub.app.users["sofia"].admin, "sofia is no admin any more")
        assert [await enters(token) for token in tokens] == [False, True]
    await until(lambda: hub.app.users["sofia"].admin, "sofia is an admin again")


async def test_whom_the_values_name_now_is_an_admin_in_the_session_that_is_there(hub: Hub) -> None:
    session = await hub.login("anna")
    assert (await session.get("admin")).status_code == 403
    async with hub.values(ANNA):
        await until(lambda: hub.app.users["anna"].admin, "anna is an admin")
        assert (await session.get("admin")).status_code == 200
    await until(lambda: not hub.app.users["anna"].admin, "anna is none")
    assert (await session.get("admin")).status_code == 403


async def test_an_admin_who_has_never_logged_in_is_one_at_the_first_login(hub: Hub) -> None:
    async with hub.values(SITE.replace("admins: [sofia]", "admins: [sofia, hanna]")):
        await until(lambda: "hanna" in hub.app.authenticator.admin_users, "hanna may be one")
        assert (await (await hub.login("hanna")).get("admin")).status_code == 200
    await until(lambda: not hub.app.users["hanna"].admin, "hanna is none")


async def test_nobody_else_becomes_one_by_a_login_or_a_request(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.login("maria")
    answer = await hub.rest("sofia", "PATCH", "users/maria", b'{"admin": true}')
    assert answer.json()["admin"] is False
    assert (await (await hub.login("maria")).get("admin")).status_code == 403
    await hub.rest("sofia", "POST", "users/helper", b'{"admin": true}')
    assert (await (await hub.login("helper")).get("admin")).status_code == 403
    monkeypatch.setattr(Login, "admins", {"jonas"})
    assert (await (await hub.login("jonas")).get("admin")).status_code == 403, "whatever the identity provider says"
    assert not [user.name for user in hub.app.db.query(orm.User).filter_by(admin=True) if user.name != "sofia"]


async def test_nobody_takes_it_from_an_admin_but_the_values(hub: Hub) -> None:
    session = await hub.login("sofia")
    answer = await hub.rest("sofia", "PATCH", "users/sofia", b'{"admin": false}')
    assert answer.json()["admin"] is True
    assert (await session.get("admin")).status_code == 200


async def test_an_admin_leaves_no_service_behind_and_nothing_that_a_login_should_have_said(hub: Hub) -> None:
    answer = await hub.rest("sofia", "POST", "services/mine", b'{"admin": true, "api_token": "of-sofia-alone-0123"}')
    assert answer.status_code == 403, answer.text
    assert (await asked(hub, "of-sofia-alone-0123", "GET", "api/users")).status_code == 403
    await hub.login("jonas")
    answer = await hub.rest("sofia", "PATCH", "users/jonas", b'{"auth_state": {"oauth_user": {"uidNumber": 30001}}}')
    assert answer.status_code == 403, answer.text
    assert not await hub.app.users["jonas"].get_auth_state()


async def test_an_admin_leaves_no_way_into_anybodys_server_behind(hub: Hub) -> None:
    """What would outlast the admin: a token of another person, and a share of their server."""
    await hub.login("maria")
    answer = await hub.rest("sofia", "POST", "users/maria/tokens", b"{}")
    assert answer.status_code == 403, answer.text
    assert (await hub.rest("sofia", "POST", "users/sofia/tokens", b"{}")).status_code == 201
    assert await hub.start("maria") == "ready"
    for path in ("shares/maria/", "share-codes/maria/"):
        answer = await hub.rest("sofia", "POST", path, b'{"user": "sofia"}' if path[5] == "s" else b"{}")
        assert answer.status_code == 403
        assert "Nobody shares another's server" in answer.text


async def test_who_is_renamed_has_no_session_and_no_token_of_the_name(hub: Hub) -> None:
    """Else an admin could leave somebody in the account of a person who has not logged in yet."""
    accomplice = await hub.login("accomplice")
    token = hub.app.users["accomplice"].new_api_token()
    assert (await hub.rest("sofia", "PATCH", "users/accomplice", b'{"name": "newcomer"}')).status_code == 200
    assert (await accomplice.get("home")).url.path.endswith("/login")
    assert (await asked(hub, token, "GET", "api/user")).status_code == 403
    assert (await (await hub.login("newcomer")).get("home")).url.path.endswith("/home")
