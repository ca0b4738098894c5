"""Logins of a hub whose database takes names for one that are not, as those of MySQL do (josé and jose)."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.hub.hooks import Forbidden
from coursehub.hub.logins import Logins
from jupyterhub import orm
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.user import UserDict

from tests import support


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> Logins:
    """Of a hub with the accounts Maria and anna, in whose database capitals count for nothing."""
    monkeypatch.setattr(orm.User.__table__.c.name.type, "collation", "NOCASE")
    session = orm.new_session_factory("sqlite://")()
    session.add_all([orm.User(name="Maria"), orm.User(name="anna")])
    session.commit()
    app: Any = SimpleNamespace(authenticator=DummyAuthenticator(), users=UserDict(lambda: session, {}))
    assert app.users.get("maria").name == "Maria"
    site: Any = SimpleNamespace(current=SimpleNamespace(settings=support.site()))
    return Logins(app, site, logging.getLogger("test"))


async def test_i4_nobody_gets_the_account_of_a_name_that_the_database_takes_for_theirs(logins: Logins) -> None:
    with pytest.raises(Forbidden, match="The account 'maria' is that of another login") as refused:
        await logins.authenticate(None, {"username": "maria", "password": "x"})
    assert "contact the administrators" in refused.value.jupyterhub_message


async def test_whoever_has_the_account_logs_in(logins: Logins) -> None:
    found = await logins.authenticate(None, {"username": "Anna", "password": "x"})
    assert found == {"name": "Anna", "admin": False}
