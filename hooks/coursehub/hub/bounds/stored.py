"""How much the hub keeps in its database: values as long as their columns say, which SQLite does not look at, and of a
person so many tokens as no page takes long to list.

Names, notes of tokens, session ids, addresses to go back to: all that somebody can send is set as a column's value.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from jupyterhub import orm
from sqlalchemy import Unicode, event, inspect
from tornado import web

# Of a column that holds JSON, and says no length.
JSON = 64 * 1024
# Of a person: one for each login at their server, for two weeks, and what they make themselves.
TOKENS = 300


@cache
def bound() -> None:
    """A longer value is refused with a sentence before it is anybody's; what is there already stays readable."""
    for mapper in orm.Base.registry.mappers:
        for attribute in mapper.column_attrs:
            kind = attribute.columns[0].type
            if isinstance(kind, Unicode) and kind.length:
                _limit(attribute.class_attribute, attribute.key, kind.length, len)
            elif isinstance(kind, orm.JSONDict) and mapper.class_ is not orm.Spawner:
                _limit(attribute.class_attribute, attribute.key.lstrip("_"), JSON, _written)
    event.listen(orm.Spawner.user_options, "set", _options, retval=True)
    event.listen(orm.APIToken.user, "set", _another)


def _limit(attribute: object, name: str, most: int, measure: Callable[[Any], int]) -> None:
    def check(_: object, value: Any, *__: object) -> None:
        if value is not None and measure(value) > most:
            raise web.HTTPError(400, f"This is too long for {name}: at most {most} characters.")

    event.listen(attribute, "set", check)


def _another(token: orm.APIToken, user: orm.User | None, *_: object) -> None:
    session = inspect(token).session
    if user is None or session is None:
        return
    with session.no_autoflush:
        found = session.query(orm.APIToken).filter_by(user_id=user.id).count()
    if found < TOKENS:
        return
    session.expunge(token)
    session.expire(user, ["api_tokens"])
    raise web.HTTPError(400, f"{user.name} has {TOKENS} tokens, and nobody has more. Revoke some at /hub/token.")


def _options(_: object, value: object, *__: object) -> object:
    """What a start was asked for, unless it is too long; JupyterHub could not end a start that is refused here.

    CoursehubSpawner takes the profile alone of it, which the start then keeps.
    """
    return None if value is None or _written(value) > JSON else value


def _written(value: object) -> int:
    return len(json.dumps(value, default=str))
