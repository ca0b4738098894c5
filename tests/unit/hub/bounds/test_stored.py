"""What is longer than its column says is not kept, in whichever database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from coursehub.hub.bounds import stored
from jupyterhub import orm
from tornado import web


@pytest.fixture
def database() -> Iterator[Any]:
    """JupyterHub's database, in memory."""
    stored.bound()
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()


@pytest.mark.parametrize(
    ("make", "most", "name"),
    [
        pytest.param(lambda text: orm.APIToken(note=text), 1023, "note", id="note of a token"),
        pytest.param(lambda text: orm.APIToken(session_id=text), 255, "session_id", id="session of a token"),
        pytest.param(lambda text: orm.User(name=text), 255, "name", id="user"),
        pytest.param(lambda text: orm.Group(name=text), 255, "name", id="group"),
        pytest.param(lambda text: orm.Spawner(name=text), 255, "name", id="server"),
        pytest.param(lambda text: orm.Role(description=text), 1023, "description", id="role"),
        pytest.param(lambda text: orm.OAuthCode(session_id=text), 255, "session_id", id="session of a login"),
        pytest.param(lambda text: orm.OAuthCode(redirect_uri=text), 1023, "redirect_uri", id="address to go back to"),
        pytest.param(lambda text: orm.Group(properties={"": text}), 65528, "properties", id="properties of a group"),
        pytest.param(lambda text: orm.APIToken(scopes=[text]), 65532, "scopes", id="scopes of a token"),
        pytest.param(lambda text: orm.ShareCode(scopes=[text]), 65532, "scopes", id="scopes of a share"),
    ],
)
def test_w10_a_value_ends_where_its_column_does(
    database: Any, make: Callable[[str], object], most: int, name: str
) -> None:
    make("x" * most)
    with pytest.raises(web.HTTPError) as refused:
        make("x" * (most + 1))
    assert refused.value.status_code == 400
    assert refused.value.log_message
    assert f"too long for {name}: at most" in refused.value.log_message


def test_w10_a_change_is_bounded_as_a_new_value_is(database: Any) -> None:
    user = orm.User(name="maria")
    database.add(user)
    database.commit()
    with pytest.raises(web.HTTPError):
        user.name = "x" * 256
    database.commit()
    assert user.name == "maria"


def test_w10_a_person_has_no_more_tokens_than_a_page_can_list(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "TOKENS", 3)
    maria, anna = orm.User(name="maria"), orm.User(name="anna")
    database.add_all([maria, anna, orm.OAuthClient(identifier="jupyterhub")])
    database.commit()
    made = [orm.APIToken.new(user=maria, scopes=[]) for _ in range(3)]
    with pytest.raises(web.HTTPError) as refused:
        orm.APIToken.new(user=maria, scopes=[])
    assert refused.value.log_message == "maria has 3 tokens, and nobody has more. Revoke some at /hub/token."
    orm.APIToken.new(user=anna, scopes=[])
    assert database.query(orm.APIToken).count() == 4, "something of the refused one was kept"
    database.delete(orm.APIToken.find(database, made[0]))
    database.commit()
    orm.APIToken.new(user=maria, scopes=[])


def test_w10_options_of_a_start_that_are_too_long_are_none(database: Any) -> None:
    assert orm.Spawner(user_options={"profile": "x"}).user_options == {"profile": "x"}
    assert orm.Spawner(user_options={"profile": "x" * 2**16}).user_options is None


def test_what_was_kept_before_there_was_a_bound_is_read(database: Any) -> None:
    database.execute(orm.User.__table__.insert().values(name="x" * 300, cookie_id="c"))
    assert [len(user.name) for user in database.query(orm.User)] == [300]
