"""A gradebook in a database of PostgreSQL, which is the course's own (docs/admins/gradebooks.md).

Its address has a password. So nbgrader has PLACE for an address, which settings, logs and pages may show, and the
real one stays in the variable that Kubernetes puts into servers of instructors, and into those that grade.
"""

import os
import re
from typing import Any

import sqlalchemy
from coursehub_places import Refused
from nbgrader_alone import PATIENCE
from nbgrader_rules import shown
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError

PLACE = "postgresql:"
ADDRESS = "COURSEHUB_GRADEBOOK_URL"
SECRET = "coursehub-gradebooks"  # noqa: S105 (its name)
FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in the password %40 for @ and %25 for %"
MISSING = (
    "The gradebook of {course!r} is a database, and this server has no address of it, so nothing was read or written. "
    "An admin of the site puts it into the Secret {secret}, as the key {course}; then start this server anew."
)
MISTAKEN = (
    "What the Secret {secret} has as the key {course} is no address of a database of PostgreSQL, so nothing was read "
    "or written. An admin of the site writes it as {form}; then start this server anew."
)
AWAY = (
    "The gradebook of {course!r}, the database {database}, cannot be used now: {why}. Try again; if it stays so, tell "
    "your site's admins."
)
# Seconds until a server is given up that does not answer, and one whose network is dead; of a transaction that idles.
_ANSWER, _IDLE = 10, 300
# Any number, the same for all who write.
LOCK = 7_264_801
_RIGHTS = ("25006", "42501")


def is_asked_for() -> bool:
    """Whether the course's gradebook is one."""
    return os.environ.get("COURSEHUB_GRADEBOOK") == "postgresql"


def address() -> URL:
    """The database's; Refused, with a sentence for who mends it, where there is none or it is none."""
    text = os.environ.get(ADDRESS, "").strip()
    if not text:
        raise _refused(MISSING)
    try:
        url = sqlalchemy.make_url(text)
    except (ArgumentError, ValueError):
        raise _refused(MISTAKEN) from None
    # Of a password with an @ that is not quoted, the rest would be taken for the host or the database, and said.
    plain = all(part and re.fullmatch(r"[\w.:-]+", part) for part in (url.host, url.database))
    if not (plain and url.username and url.drivername.partition("+")[0] in ("postgresql", "postgres")):
        raise _refused(MISTAKEN)
    return url.set(drivername="postgresql+psycopg")


def create_engine() -> sqlalchemy.Engine:
    """SQLAlchemy's for the database of the course; what is wrong with it then, is Refused in a sentence."""
    url = address()
    settings = {
        "statement_timeout": int(PATIENCE * 1000),
        "idle_in_transaction_session_timeout": _IDLE * 1000,
        # Who is cut off keeps nobody waiting.
        **{"tcp_keepalives_idle": 20, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3},
        # What is archived can only be read.
        **({} if os.access("/course", os.W_OK) else {"default_transaction_read_only": "on"}),
    }
    engine = sqlalchemy.create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _ANSWER,
            "tcp_user_timeout": int(PATIENCE * 1000),
            **{"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3},
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "application_name": f"coursehub {os.environ.get('USER', '')}",
        },
    )

    def say(context: ExceptionContext) -> None:
        if context.is_pre_ping:  # a connection that has ended meanwhile; another is made
            return
        error = context.original_exception
        away = isinstance(error, engine.dialect.loaded_dbapi.OperationalError)
        if away or getattr(error, "sqlstate", None) in _RIGHTS:
            why = shown(" ".join(str(error).split()))
            raise _refused(AWAY, database=f"{url.database} at {url.host}:{url.port or 5432}", why=why) from None

    sqlalchemy.event.listen(engine, "handle_error", say)
    return engine


def _refused(sentence: str, **parts: Any) -> Refused:
    course = os.environ.get("COURSEHUB_COURSE", "")
    return Refused("{}", sentence.format(course=course, secret=SECRET, form=FORM, **parts))
