"""Copy the course's gradebook from its file into its database, once the course file says `gradebook: postgresql`.

All of it or nothing, into a database without rows. /course/gradebook.db stays as it is, and nothing reads it any more:
stop the course's other servers before, which may still write there.
"""

import os
from argparse import ArgumentParser, Namespace

import nbgrader_gradebook
import nbgrader_postgresql
import sqlalchemy
from coursehub_shared import COURSE
from nbgrader.api import Base
from nbgrader.converters.base import NbGraderException
from nbgrader_rules import shown
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

FILE = f"{COURSE}/gradebook.db"
# Rows that are in memory at once.
_AT_ONCE = 1000
_VERSION = sqlalchemy.text("SELECT version_num FROM alembic_version")


def arguments(_: ArgumentParser) -> None:
    """Nothing else can be said."""


def run(asked: Namespace) -> int:
    """0 once all is copied; NbGraderException with a sentence where nothing was."""
    if not nbgrader_postgresql.is_asked_for():
        raise NbGraderException(
            f"the gradebook of {asked.course!r} is the file {FILE}; to have it copied, write `gradebook: postgresql` "
            "below `nbgrader` in the course file, and start this server anew"
        )
    if not os.path.exists(FILE) or not os.path.getsize(FILE):
        raise NbGraderException(f"{FILE} has nothing that could be copied")
    source = nbgrader_gradebook.create_engine(f"sqlite:///{FILE}")
    target = nbgrader_gradebook.create_engine(nbgrader_postgresql.PLACE)
    try:
        with source.connect() as reading, target.connect() as writing:
            nbgrader_gradebook.read_as_one(reading)
            nbgrader_gradebook.begin_alone(writing)
            nbgrader_gradebook.make_tables(writing)
            count = _copied(reading, writing)
            writing.commit()
    except DBAPIError as error:
        raise NbGraderException(shown(f"nothing was copied: {' '.join(str(error.orig).split())}")) from None
    print(f"Copied {count} rows. {FILE} stays as it was; nothing reads it any more.")
    return 0


def _copied(reading: Connection, writing: Connection) -> int:
    if reading.scalar(_VERSION) != writing.scalar(_VERSION):
        raise NbGraderException(
            f"nothing was copied: {FILE} is of another version of nbgrader; first run nbgrader db upgrade "
            f"--db sqlite:///{FILE}"
        )
    tables = Base.metadata.sorted_tables
    # A gradebook that was only looked at has its course.
    if full := [each.name for each in tables if each.name != "course" and _count(writing, each)]:
        raise NbGraderException(f"nothing was copied: the database has rows already, in {', '.join(full)}")
    for table in tables:
        for rows in reading.execute(select(table)).mappings().partitions(_AT_ONCE):
            insert = nbgrader_gradebook.KNOWN if table.name == "course" else table.insert()
            writing.execute(insert, [dict(row) for row in rows])
    return sum(_count(reading, each) for each in tables)


def _count(connection: Connection, table: sqlalchemy.Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)
