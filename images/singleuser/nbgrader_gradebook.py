"""The gradebook, which several instructors' servers have open at once: a file of SQLite on NFS, or a database.

The latter is PostgreSQL's (nbgrader_postgresql.py). Of the file they share locks on its ranges, and a journal beside
it, from which whoever opens the file next undoes what a writer who was cut off had begun. nbgrader's own way is that
each makes the tables that they find missing, that nobody waits longer than five seconds, and that Formgrader goes on
with what it read when its server began.
"""

from collections.abc import Callable
from functools import wraps
from sqlite3 import Connection
from typing import Any

import nbgrader_postgresql
import sqlalchemy
from coursehub_places import Refused, check, reach
from coursehub_shared import COURSE
from nbgrader import api, dbutil
from nbgrader.server_extensions.formgrader.base import BaseHandler
from nbgrader_alone import PATIENCE
from nbgrader_postgresql import LOCK, PLACE
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import scoped_session, sessionmaker

# How a transaction begins beside which nobody else writes, and one that reads all as it is now.
_ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": f"SELECT pg_advisory_xact_lock({LOCK})"}
_AS_ONE = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}
# A course is there, also where it was.
KNOWN = sqlalchemy.text("INSERT INTO course (id) VALUES (:id) ON CONFLICT DO NOTHING")


def take_over() -> None:
    """Holds for each gradebook that this process opens from now on."""
    api.Gradebook.__init__ = _init
    for name in filter(lambda name: name.startswith("update_or_create_"), dir(api.Gradebook)):
        setattr(api.Gradebook, name, _at_once(getattr(api.Gradebook, name)))
    BaseHandler.on_finish = _close
    BaseHandler.write_error = _write_error
    dbutil.upgrade = _upgrade


def place() -> str:
    """What nbgrader has for its `db_url`: of the course whose server this is."""
    return PLACE if nbgrader_postgresql.is_asked_for() else f"sqlite:///{COURSE}/gradebook.db"


def of_course(course: str) -> api.Gradebook:
    """The gradebook of the course whose server this is."""
    return api.Gradebook(place(), course)


def begin_alone(connection: Any) -> None:
    """Until the transaction ends, nobody else does this; where another is at it for too long, it fails."""
    connection.execute(sqlalchemy.text(_ALONE[_dialect(connection)]))


def read_as_one(session: Any) -> None:
    """Until the transaction ends, all is as it is now, whoever writes."""
    session.commit()
    session.execute(sqlalchemy.text(_AS_ONE[_dialect(session)]))


def _dialect(connection: Any) -> str:
    return str((connection if isinstance(connection, sqlalchemy.Connection) else connection.get_bind()).dialect.name)


def create_engine(url: str) -> sqlalchemy.Engine:
    """SQLAlchemy's, which opens no gradebook that is a link, nor with one beside it, and waits while others write."""
    if url == PLACE:
        return nbgrader_postgresql.create_engine()
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
    except (OperationalError, ProgrammingError):  # there is no such table, or it cannot be read, which the next says
        return False


def _make(engine: sqlalchemy.Engine, course: str) -> None:
    with engine.connect() as connection:
        begin_alone(connection)
        make_tables(connection)
        connection.execute(KNOWN, {"id": course})
        connection.commit()


def make_tables(connection: sqlalchemy.Connection) -> None:
    """Those that are missing."""
    is_new = not sqlalchemy.inspect(connection).get_table_names()
    api.Base.metadata.create_all(connection)
    if is_new:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        add = sqlalchemy.text("INSERT INTO alembic_version VALUES (:version)")
        connection.execute(add, {"version": api.get_alembic_version()})


def _at_once(method: Callable[..., Any]) -> Callable[..., Any]:
    """Between its look for what it is to update or create, and that, nobody else writes."""

    @wraps(method)
    def ours(self: api.Gradebook, *arguments: Any, **more: Any) -> Any:
        self.db.commit()
        begin_alone(self.db)
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


def _write_error(self: BaseHandler, status_code: int, **more: Any) -> None:
    """As nbgrader's page, which says of all that is refused that one is not authorised; here it is the sentence."""
    _, error, _ = more.get("exc_info", (None, None, None))
    if isinstance(error, Refused):
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(str(error))
    else:
        _nbgraders_write_error(self, status_code, **more)


_nbgraders_write_error = BaseHandler.write_error


def _upgrade(db_url: str, revision: str = "head") -> None:
    """As nbgrader's; what has the address has a file of settings, in which each % is written twice."""
    if db_url == PLACE:
        db_url = nbgrader_postgresql.address().render_as_string(hide_password=False).replace("%", "%%")
    _nbgraders_upgrade(db_url, revision)


_nbgraders_upgrade = dbutil.upgrade
