"""The gradebook: a file of SQLite on NFS, which several instructors' servers have open at once.

They share locks on ranges of the file, and a journal beside it, from which whoever opens the file next undoes what a
writer who was cut off had begun. nbgrader's own way is that each makes the tables that they find missing, that nobody
waits longer than five seconds, and that Formgrader goes on with what it read when its server began.
"""

from collections.abc import Callable
from functools import wraps
from sqlite3 import Connection
from typing import Any

import sqlalchemy
from coursehub_places import check, reach
from nbgrader import api
from nbgrader.server_extensions.formgrader.base import BaseHandler
from nbgrader_alone import PATIENCE
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import scoped_session, sessionmaker


def take_over() -> None:
    """Holds for each gradebook that this process opens from now on."""
    api.Gradebook.__init__ = _init
    for name in filter(lambda name: name.startswith("update_or_create_"), dir(api.Gradebook)):
        setattr(api.Gradebook, name, _at_once(getattr(api.Gradebook, name)))
    BaseHandler.on_finish = _close


def create_engine(url: str) -> sqlalchemy.Engine:
    """SQLAlchemy's, which opens no gradebook that is a link, nor with one beside it, and waits while others write."""
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": PATIENCE})

    def look(*_: Any) -> None:
        for ending in ("", "-journal", "-wal", "-shm") if engine.url.database else ():
            with reach(f"{engine.url.database}{ending}") as place:
                check(place, writing=True)

    sqlalchemy.event.listen(engine, "do_connect", look)
    sqlalchemy.event.listen(engine, "connect", _keep_journal)
    return engine


def _keep_journal(connection: Connection, _: object) -> None:
    """The journal's file stays, and is invalid between two writers.

    A client of NFS remembers for up to half a minute that a name was not there. Who so misses the journal of a writer
    who was cut off, reads half of what that one had begun, and builds on it. Not WAL: it needs memory that all share.
    """
    connection.execute("PRAGMA journal_mode = PERSIST")


def _init(self: api.Gradebook, db_url: str, course_id: str = "default_course", authenticator: Any = None) -> None:
    """As nbgrader's, but of several who begin a gradebook at once, one makes it, as a whole."""
    self.engine = create_engine(db_url)
    self.db = scoped_session(sessionmaker(bind=self.engine))
    self.course_id, self.authenticator = course_id, authenticator
    if not _has(self.engine, course_id):
        _make(self.engine, course_id)


def _has(engine: sqlalchemy.Engine, course: str) -> bool:
    query = sqlalchemy.select(api.Course.id).where(api.Course.id == course)
    try:
        with engine.connect() as connection:
            return connection.scalar(query) is not None
    except OperationalError:  # there is no such table, or it cannot be read, which the next says
        return False


def _make(engine: sqlalchemy.Engine, course: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        is_new = not sqlalchemy.inspect(connection).get_table_names()
        api.Base.metadata.create_all(connection)
        if is_new:
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (api.get_alembic_version(),))
        connection.exec_driver_sql("INSERT OR IGNORE INTO course (id) VALUES (?)", (course,))
        connection.exec_driver_sql("COMMIT")


def _at_once(method: Callable[..., Any]) -> Callable[..., Any]:
    """Between its look for what it is to update or create, and that, nobody else writes."""

    @wraps(method)
    def ours(self: api.Gradebook, *arguments: Any, **more: Any) -> Any:
        self.db.commit()
        self.db.execute(sqlalchemy.text("BEGIN IMMEDIATE"))
        try:
            return method(self, *arguments, **more)
        finally:
            self.db.rollback()

    return ours


def _close(self: BaseHandler) -> None:
    """Formgrader reads anew for each request, and keeps nothing open between two.

    From what it has read before, it would show a colleague's grades as they were; and saving the very value that it
    has read would save nothing.
    """
    gradebook = self.settings["nbgrader_gradebook"]
    if gradebook is not None:
        gradebook.close()
        self.settings["nbgrader_gradebook"] = None
