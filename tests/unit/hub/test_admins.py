"""Admins of a hub that opens a database in which others were: a real JupyterHub, up to its roles."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.config.settings import Settings
from coursehub.hub import admins
from coursehub.live.snapshot import Site
from jupyterhub import orm, roles, scopes
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from tests import support

LOG = logging.getLogger("test")


def site(*names: str) -> Any:
    settings: Settings = support.site().model_copy(update={"admins": names})
    return SimpleNamespace(current=SimpleNamespace(settings=settings), tell=lambda _: None)


def database(path: Path, **people: bool) -> str:
    """One that a hub left, in which each of `people` is an admin or none."""
    url = f"sqlite:///{path}/hub.sqlite"
    session = orm.new_session_factory(url)()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    for name, is_admin in people.items():
        session.add(user := orm.User(name=name, admin=is_admin))
        roles.assign_default_roles(session, user)
    session.commit()
    return url


@asynccontextmanager
async def begun(url: str, site: Site) -> AsyncIterator[Any]:
    """A hub that goes by the site's values, as far as it has begun with the database."""
    c = Config()
    c.JupyterHub.db_url = url
    app = JupyterHub.instance(config=c)
    try:
        admins.register(c, site, LOG)
        app.authenticator = app.authenticator_class(parent=app, admin_users=c.Authenticator.admin_users)
        app.init_db()
        await app.init_role_creation()
        await app.init_users()
        app.init_services()
        await app.init_role_assignment()
        yield app
    finally:
        JupyterHub.clear_instance()


async def opened(url: str, site: Site) -> dict[str, tuple[bool, bool]]:
    """Who is an admin by flag and by role, once a hub has begun with the database."""
    async with begun(url, site) as app:
        return {
            user.name: (user.admin, "admin" in {role.name for role in user.roles}) for user in app.db.query(orm.User)
        }


@pytest.mark.parametrize(
    ("names", "there"),
    [
        pytest.param((), {"sofia": (False, False), "maria": (False, False)}, id="nobody"),
        pytest.param(("sofia",), {"sofia": (True, True), "maria": (False, False)}, id="who was"),
        pytest.param(("maria",), {"sofia": (False, False), "maria": (True, True)}, id="another"),
    ],
)
async def test_after_a_restart_they_are_those_of_the_values(
    tmp_path: Path, names: tuple[str, ...], there: dict[str, tuple[bool, bool]]
) -> None:
    assert await opened(database(tmp_path, sofia=True, maria=False), site(*names)) == there


async def test_no_group_makes_an_admin_whatever_earlier_values_or_a_login_say(tmp_path: Path) -> None:
    """Whom the values name no more would be one for ever, by a group that they put themselves into."""
    url = database(tmp_path, sofia=True, maria=False)
    session = orm.new_session_factory(url)()
    role, maria = orm.Role.find(session, "admin"), orm.User.find(session, "maria")
    session.add(orm.Group(name="staff", users=[maria], roles=[role]))
    session.commit()
    async with begun(url, site("sofia")) as app:
        maria = orm.User.find(app.db, "maria")
        assert "admin:users" not in scopes.get_scopes_for(maria)
        group, role = maria.groups[0], orm.Role.find(app.db, "admin")
        for bearers, bearer in ((group.roles, role), (role.groups, group)):
            bearers.append(bearer)
            app.db.commit()
            assert "admin:users" not in scopes.get_scopes_for(maria)
        assert "admin:users" in scopes.get_scopes_for(orm.User.find(app.db, "sofia"))


async def test_a_service_that_an_admin_once_made_goes_with_its_token(tmp_path: Path) -> None:
    url = database(tmp_path, sofia=True)
    session = orm.new_session_factory(url)()
    session.add(service := orm.Service(name="mine", admin=True, from_config=False))
    session.add(orm.OAuthClient(identifier="jupyterhub"))
    session.commit()
    token = service.new_api_token()
    async with begun(url, site("sofia")) as app:
        assert orm.APIToken.find(app.db, token) is None
        assert orm.Service.find(app.db, "mine") is None


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"Authenticator": {"admin_users": {"maria"}}}, id="admin_users"),
        pytest.param({"JupyterHub": {"load_roles": [{"name": "admin", "users": ["maria"]}]}}, id="a role of people"),
        pytest.param({"JupyterHub": {"load_roles": [{"name": "admin", "groups": ["all"]}]}}, id="a role of groups"),
    ],
)
def test_configuration_that_would_make_others_admins_does_not(
    given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    c = Config(given)
    admins.register(c, site("sofia"), LOG)
    assert c.Authenticator.admin_users == {"sofia"}
    assert not [role for role in c.JupyterHub.get("load_roles", ()) if {"users", "groups"} & {*role}]
    assert "makes nobody an admin, `admins` does" in caplog.text
