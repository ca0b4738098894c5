"""What JupyterHub's published advisories since 5.5.0 made possible is not possible here.

Each test has its advisory's id; docs/security.md names those that need something which this chart does not have.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import jupyterhub
import pytest
from coursehub.hub.admin import release
from jupyterhub import orm, roles
from jupyterhub.services.service import Service

from tests.hub.conftest import SERVICES, Browser, Hub

pytestmark = pytest.mark.asyncio(loop_scope="session")

INJECTED = '<img src=x onerror="alert(1)">'
# No path leads to these.
NAMES = [".", "..", ".....", "%2e", "%2e%2e"]


async def test_these_run_against_a_release_that_none_newer_is_known_of() -> None:
    assert release.newer(jupyterhub.__version__) is None


async def test_w7_a_login_that_fails_writes_a_bounded_line_whatever_the_name(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """GHSA-p43p-whwx-q52h, CVE-2026-54338 (5.5.0): the name was logged whole, before any login."""

    async def nobody(*_: object) -> None:
        return None

    monkeypatch.setattr(hub.app.authenticator, "authenticate", nobody)
    client = hub._client()
    await client.get("login")
    form = {"username": "x" * 60_000, "password": "x"}
    response = await client.post("login", params={"_xsrf": client.cookies["_xsrf"]}, data=form)
    assert response.status_code == 403
    lines = [entry.getMessage() for entry in caplog.records]
    assert [line for line in lines if "Failed login" in line]
    assert max(map(len, lines)) < 1000


@asynccontextmanager
async def shared(hub: Hub) -> AsyncIterator[str]:
    """A code that shares maria's server, as a role of a site's own would let her make one."""
    spawner = hub.app.users["maria"].spawner.orm_spawner
    made, code = orm.ShareCode.new(hub.app.db, spawner, scopes=["access:servers!server=maria/"])
    try:
        yield code
    finally:
        hub.app.db.delete(made)
        hub.app.db.commit()


@pytest.mark.parametrize("page", ["accept-share", "login", "spawn", "courses"])
async def test_a_link_puts_nothing_of_its_own_into_a_page_of_the_hub(hub: Hub, page: str) -> None:
    """GHSA-c4gm-pwx9-9w8j (5.5.1): where somebody is led afterwards was written into the page as it was given."""
    await hub.login("maria")
    browser = Browser(hub._client(), "") if page == "login" else await hub.login("jonas")
    async with shared(hub) as code:
        query = urlencode({"code": code, "next": f"/hub/{INJECTED}\"'>{INJECTED}"})
        response = await browser.get(f"{page}?{query}")
    assert response.status_code == 200
    assert "<img src=x" not in response.text


async def test_a_person_makes_no_share_and_no_code_for_one(hub: Hub) -> None:
    """GHSA-c4gm-pwx9-9w8j (5.5.1) and GHSA-mj6q-mp44-53v8 (5.5.2) are about what people share themselves."""
    await hub.login("jonas")
    for path in ("shares/maria/", "share-codes/maria/"):
        assert (await hub.rest("maria", "POST", path, b'{"user": "jonas"}')).status_code == 403


@asynccontextmanager
async def admin_of_a_group(hub: Hub) -> AsyncIterator[None]:
    """Jonas may administer the people of one group, by a role of the site's own."""
    await hub.login("jonas")
    group = orm.Group(name="class")
    hub.app.db.add(group)
    scopes = ["admin:users!group=class", "admin:groups!group=class", "list:users!group=class"]
    roles.create_role(hub.app.db, {"name": "class-admin", "scopes": scopes})
    roles.grant_role(hub.app.db, hub.app.users["jonas"].orm_user, orm.Role.find(hub.app.db, "class-admin"))
    hub.app.db.commit()
    try:
        yield
    finally:
        roles.delete_role(hub.app.db, "class-admin")
        hub.app.db.delete(group)
        hub.app.db.commit()


@pytest.mark.parametrize(
    ("path", "body"), [("users", b'{"usernames": ["made-up"]}'), ("groups", b'{"groups": ["made-up"]}')]
)
async def test_who_administers_one_group_makes_no_people_and_no_groups(hub: Hub, path: str, body: bytes) -> None:
    """GHSA-69wv-m5fw-2fhp (5.5.1): a scope with a filter counted as the whole scope."""
    async with admin_of_a_group(hub):
        assert (await hub.rest("jonas", "POST", path, body)).status_code == 403
        seen = await hub.rest("jonas", "GET", "users")
    assert seen.json() == []
    assert orm.User.find(hub.app.db, "made-up") is None
    assert orm.Group.find(hub.app.db, "made-up") is None


@pytest.mark.parametrize("service", sorted(SERVICES))
async def test_no_service_of_the_charts_makes_people_or_groups(hub: Hub, service: str) -> None:
    """GHSA-69wv-m5fw-2fhp (5.5.1): the spawn test's scopes are filtered, by a group."""
    headers = {"Authorization": f"token {SERVICES[service]}"}
    async with hub._client() as client:
        for path, body in (("users", {"usernames": ["made-up"]}), ("groups", {"groups": ["made-up"]})):
            assert (await client.post(f"api/{path}", json=body, headers=headers)).status_code == 403
        assert (await client.post("api/users/made-up", headers=headers)).status_code in (403, 404)


async def test_who_was_renamed_leaves_no_share_behind_for_whoever_gets_the_name(hub: Hub) -> None:
    """GHSA-mj6q-mp44-53v8 (5.5.2): a share went on naming the old name's server."""
    await hub.login("sharer")
    await hub.login("jonas")
    jonas = hub.app.users["jonas"].orm_user
    spawner = hub.app.users["sharer"].spawner.orm_spawner
    orm.Share.grant(hub.app.db, spawner, share_with=jonas, scopes=["access:servers!server=sharer/"])
    hub.app.db.commit()
    try:
        assert (await hub.rest("sofia", "PATCH", "users/sharer", b'{"name": "renamed"}')).status_code == 200
        scopes = (await hub.rest("jonas", "GET", "user")).json()["scopes"]
        assert "access:servers!server=sharer/" not in scopes
        assert "access:servers!server=renamed/" in scopes
    finally:
        await hub.rest("sofia", "DELETE", "users/renamed")


UNREADABLE = pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"__jupyterhub_bytes__": true, "data": "é"}', id="no bytes"),
        pytest.param('{"__jupyterhub_bytes__": true}', id="no data"),
        pytest.param('{"profile": "python-intro", "x": {"__jupyterhub_bytes__": true, "data": 5}}', id="beside"),
        pytest.param('{"profile": {"__jupyterhub_bytes__": true, "data": "%"}}', id="in the profile"),
        pytest.param('{"profile": [[{"__jupyterhub_bytes__": true, "data": null}]]}', id="deep in the profile"),
    ],
)


@UNREADABLE
async def test_p4_no_options_of_a_start_keep_a_person_or_the_next_hub_from_starting(hub: Hub, body: str) -> None:
    """GHSA-hx46-2cv3-mh6g (5.5.3): options that name JupyterHub's own key for bytes could not be read again."""
    await hub.start("maria", body.encode())
    if hub.app.users["maria"].spawner.active:
        await hub.stop("maria")
    await starts_again(hub)


@UNREADABLE
async def test_p4_options_that_an_older_hub_kept_do_not_either(hub: Hub, body: str) -> None:
    """GHSA-hx46-2cv3-mh6g (5.5.3): here nothing but the profile is kept; a database may be of another time."""
    await hub.login("maria")
    hub.app.users["maria"].spawner.orm_spawner.user_options = json.loads(body)
    hub.app.db.commit()
    await starts_again(hub)


async def starts_again(hub: Hub) -> None:
    """The database is read anew, as by the next hub, and maria starts a server."""
    hub.app.db.expire_all()
    assert (await hub.rest("sofia", "GET", "users?include_stopped_servers=1")).status_code == 200
    hub.app.users.clear()
    await hub.app.init_spawners()
    assert (await (await hub.login("maria")).get("courses")).status_code == 200
    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"


@pytest.mark.parametrize("name", NAMES)
async def test_nobody_gets_in_by_a_name_that_an_address_reads_as_a_way_up(hub: Hub, name: str) -> None:
    """GHSA-93gc-h923-mp36 (5.5.3): such a name's server and cookies were others'."""
    client = hub._client()
    await client.get("login")
    form = {"username": name, "password": "x"}
    response = await client.post("login", params={"_xsrf": client.cookies["_xsrf"]}, data=form)
    assert response.status_code == 403
    made = await hub.rest("sofia", "POST", "users", f'{{"usernames": ["{name}"]}}'.encode())
    assert made.status_code == 400
    assert orm.User.find(hub.app.db, name) is None


@pytest.mark.parametrize("name", [*NAMES, "a/b", " x", ""])
async def test_no_service_of_a_site_has_a_name_that_an_address_reads_as_a_way_up(name: str) -> None:
    """GHSA-93gc-h923-mp36 (5.5.3): with such a name in `hub.services` the hub does not start."""
    with pytest.raises(ValueError, match="ervice"):
        Service(name=name)


@pytest.mark.parametrize("name", [*NAMES, "a/b", "<script>alert(1)</script>", " jonas", "jonas", "JONAS", ""])
async def test_an_admin_gives_nobody_a_name_that_a_login_could_not_have(hub: Hub, name: str) -> None:
    """GHSA-x7xh-7hc7-9436 (5.5.3): a new name was taken as it was sent, and pages showed it."""
    await hub.login("jonas")
    await hub.login("lena")
    response = await hub.rest("sofia", "PATCH", "users/lena", f'{{"name": "{name}"}}'.encode())
    assert response.status_code == 400
    assert orm.User.find(hub.app.db, "lena") is not None


async def test_i4_a_new_name_is_as_a_login_would_have_it(hub: Hub) -> None:
    """GHSA-x7xh-7hc7-9436 (5.5.3)."""
    await hub.login("capital")
    try:
        response = await hub.rest("sofia", "PATCH", "users/capital", b'{"name": "RENAMED"}')
        assert response.json()["name"] == "renamed"
    finally:
        await hub.rest("sofia", "DELETE", "users/renamed")


@pytest.mark.parametrize(
    ("expires", "status"), [("0", 400), ("-1", 400), ("61", 400), ("1e9", 400), ("60", 201), ("null", 201)]
)
async def test_where_a_site_says_how_long_tokens_live_nobody_makes_one_that_lives_longer(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, expires: str, status: int
) -> None:
    """GHSA-pvm9-48cg-w76j (5.5.3): 0 was for ever. For a site's `token_expires_in_max_seconds`."""
    monkeypatch.setitem(hub.app.tornado_application.settings, "token_expires_in_max_seconds", 60)
    response = await hub.rest("maria", "POST", "users/maria/tokens", f'{{"expires_in": {expires}}}'.encode())
    assert response.status_code == status
    if status == 201:
        assert response.json()["expires_at"] is not None
