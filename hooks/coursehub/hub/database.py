"""The hub's database as a place for what the hub keeps: a table of its own beside JupyterHub's."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Column, LargeBinary, MetaData, String, delete, insert, select, update
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from traitlets.config.loader import LazyConfigValue

from coursehub.live.kept import CannotKeep, Folder, Memory, Place

# As JupyterHub has it where nothing is set.
FILE = "sqlite:///jupyterhub.sqlite"
SECONDS = 10
_HOST = re.compile(r"[A-Za-z0-9._:%-]*")
# The drivers of the hub's image, whose own time-out has this name.
_DRIVERS = ("psycopg2", "pymysql")
_KEPT = sqlalchemy.Table(
    "coursehub_kept",
    MetaData(),
    Column("name", String(255), primary_key=True),
    # LargeBinary is 64 KiB there, and a site's courses are more.
    Column("content", LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb"), nullable=False),
)


def place(c: Any, folder: Path) -> Place:
    """Where the hub with this configuration keeps what it knows: in its database, or in `folder` beside that of SQLite.

    Raises CannotKeep where that is a server that does not answer or refuses.
    """
    url = c.JupyterHub.get("db_url", FILE)
    if "://" in url and not url.startswith("sqlite"):
        options = c.JupyterHub.get("db_kwargs", {})
        return Table(url, options.get_value({}) if isinstance(options, LazyConfigValue) else options)
    if "://" in url and _parsed(url).database in (None, "", ":memory:"):
        return Memory("its database is in memory (jupyterhub.hub.db.type is sqlite-memory)")
    if not os.path.ismount(folder.parent):
        return Memory(f"its database is a file, and {folder.parent} is no volume (jupyterhub.hub.db)")
    return Folder(folder)


class Table:
    """Rows of one table, which is made where it is missing.

    Each call is a connection of its own: they are few, and none that lay idle can have gone meanwhile.
    """

    lost = None

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        rest = {name: value for name, value in options.items() if not name.startswith(("pool", "max_overflow"))}
        parsed = _parsed(url)
        with _telling():
            if parsed.get_driver_name() in _DRIVERS:
                rest["connect_args"] = {"connect_timeout": SECONDS, **rest.get("connect_args", {})}
            self._engine = sqlalchemy.create_engine(parsed, **rest, poolclass=NullPool)
            _KEPT.metadata.create_all(self._engine)

    def read(self, name: str) -> bytes | None:
        """See Place."""
        with _telling(), self._engine.connect() as connection:
            found: bytes | None = connection.scalar(select(_KEPT.c.content).where(_KEPT.c.name == name))
            return found

    def write(self, name: str, content: bytes) -> None:
        """See Place."""
        with _telling(), self._engine.begin() as connection:
            changed = connection.execute(update(_KEPT).where(_KEPT.c.name == name).values(content=content))
            if not changed.rowcount:
                connection.execute(insert(_KEPT).values(name=name, content=content))

    def remove(self, name: str) -> None:
        """See Place."""
        with _telling(), self._engine.begin() as connection:
            connection.execute(delete(_KEPT).where(_KEPT.c.name == name))

    def names(self, folder: str) -> list[str]:
        """See Place."""
        inside = _KEPT.c.name.startswith(f"{folder}/", autoescape=True)
        with _telling(), self._engine.connect() as connection:
            return list(connection.scalars(select(_KEPT.c.name).where(inside)))


def _parsed(url: str) -> URL:
    """The url; raises CannotKeep, also where a part of the password would be taken for a host, which errors name."""
    with _telling():
        parsed = make_url(url)
        if _HOST.fullmatch(parsed.host or "") is None:
            raise ValueError
        return parsed


@contextmanager
def _telling() -> Iterator[None]:
    """What goes wrong is a CannotKeep."""
    try:
        yield
    except ValueError:
        # Its text has a part of the url, which may hold the password.
        raise CannotKeep(
            "the hub's database: its url is no address (write %40 for an @ in the password); see what SQLAlchemy takes"
        ) from None
    except (SQLAlchemyError, ImportError) as error:
        # SQLAlchemy's own text holds the whole statement.
        why = error.orig if isinstance(error, DBAPIError) else error
        raise CannotKeep(f"the hub's database: {' '.join(str(why).split())}") from None
