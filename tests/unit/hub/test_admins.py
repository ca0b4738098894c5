"""Admins of a hub that opens a database in which others were: a real JupyterHub, up to its roles."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.config.settings import Settings
from coursehub.hub import admins
from coursehub.live.snapshot import Site
from jupyterhub import orm, roles
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


async def opened(url: str, site: Site) -> dict[str, tuple[bool, bool]]:
    """Who is an admin by flag and by role, once a hub that goes by the site's values has begun with the database."""
    c = Config()
    c.JupyterHub.db_url = url
    app = JupyterHub.instance(config=c)
    try:
        admins.register(c, site, LOG)
        app.authenticator = app.authenticator_class(parent=app, admin_users=c.Authenticator.admin_users)
        app.init_db()
        await app.init_role_creation()
        await app.init_users()
        await app.init_role_assignment()
        return {
            user.name: (user.admin, "admin" in {role.name for role in user.roles}) for user in app.db.query(orm.User)
        }
    finally:
        JupyterHub.clear_instance()


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
