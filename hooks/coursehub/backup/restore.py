"""A copy of the hub's database put back in its place."""

import sqlite3
from datetime import datetime
from pathlib import Path

from coursehub.errors import CoursehubError

from . import copies, database
from .copies import NEWEST, RESTORE, Scratch
from .database import Damaged


class CannotRestore(CoursehubError):
    """The requested copy cannot be put back; the message says why, and which copies can."""


def restore(file: Path, backups: Path, now: datetime, wanted: str) -> str:
    """Puts the copy `wanted` in the place of the database `file`, which is kept; raises CannotRestore."""
    there = copies.names(backups, "jupyterhub", "replaced")
    name = next(iter(copies.names(backups, "jupyterhub")), "") if wanted == NEWEST else wanted
    choice = f"write {RESTORE} with one of: {', '.join([NEWEST, *there])}" if there else "there is no copy at all"
    if name not in there:
        raise CannotRestore(f"{wanted}: no such copy; {choice}")
    aside = copies.name("replaced", now)
    try:
        with Scratch(backups) as scratch:
            database.copy(backups / name, scratch / database.NAME)
            # The files beside go first: SQLite would replay them into the copy.
            for old in reversed(database.files(file)):
                database.move(old, backups / old.name.replace(database.NAME, aside))
            database.move(scratch / database.NAME, file)
    except Damaged as damage:
        raise CannotRestore(f"{name} is damaged itself ({damage}); {choice}") from None
    except sqlite3.Error as error:
        raise CannotRestore(f"{name} cannot be put back: {error}") from None
    before = aside if (backups / aside).exists() else "nothing"
    return f"put {name} back; what was there before is {before}"
