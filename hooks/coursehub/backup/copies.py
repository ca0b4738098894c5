"""The copies of the hub's database in one folder: a new one, which there are, and the oldest dropped."""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from . import database
from .database import Damaged

# The variable that names a copy to put back, and its word for the newest.
RESTORE, NEWEST = "COURSEHUB_RESTORE", "newest"
# The newest, and the last of each of so many days.
KEPT, DAYS = 5, 7
BETWEEN = timedelta(hours=1)

# Whole copies; byte by byte copies of a damaged file; files that a restored copy replaced.
CopyKind = Literal["jupyterhub", "damaged", "replaced"]
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(?P<kind>jupyterhub|damaged|replaced)-(?P<time>[0-9]{8}T[0-9]{6}Z)\.sqlite")


def names(backups: Path, *kinds: CopyKind) -> list[str]:
    """Of copies of these kinds, each kind's newest first."""
    try:
        found = sorted((path.name for path in backups.iterdir() if path.is_file()), reverse=True)
    except OSError:
        return []
    return [name for kind in kinds for name in found if (match := _NAME.fullmatch(name)) and match["kind"] == kind]


def name(kind: CopyKind, now: datetime) -> str:
    """Of a copy that is made now."""
    return f"{kind}-{now.strftime(_STAMP)}.sqlite"


def back_up(file: Path, backups: Path, now: datetime) -> str:
    """Copies the database `file`, unless a copy is not an hour old; a message says what was done."""
    parts = database.files(file)
    size = sum(path.stat().st_size for path in parts)
    if not file.exists() or not file.stat().st_size:
        if names(backups, "jupyterhub"):
            return f"WARNING there is no database, so the hub begins a new one; {RESTORE}={NEWEST} puts a copy back"
        return "there is no database yet, so nothing to copy"
    # As much again stays free for the hub.
    if (free := shutil.disk_usage(backups).free) < 2 * size:
        return f"WARNING no copy was made: it takes {size} bytes, and {free} are free; the volume needs more room"
    copied, recent = name("jupyterhub", now), _since(names(backups, "jupyterhub"), now)
    try:
        with Scratch(backups) as scratch:
            # Also where the copy is not kept: that is how damage shows.
            database.copy(file, scratch / copied)
            if recent is None:
                database.move(scratch / copied, backups / copied)
        return f"no copy is kept: {recent} is not an hour old" if recent else f"copied to {copied}"
    except Damaged as damage:
        remedy = f"{RESTORE}={NEWEST} puts a copy back"
        if recent := _since(names(backups, "damaged"), now):
            return f"WARNING the database is damaged ({damage}); as it was it lies in {recent}; {remedy}"
        aside = name("damaged", now)
        with Scratch(backups) as scratch:
            for path in parts:
                part = path.name.replace(database.NAME, aside)
                shutil.copyfile(path, scratch / part)
                database.move(scratch / part, backups / part)
        return f"WARNING the database is damaged ({damage}); as it is it lies in {aside}; {remedy}"
    except sqlite3.Error as error:
        return f"WARNING no copy was made: {error}"


def _since(there: Sequence[str], now: datetime) -> str | None:
    """The copy that is so recent that another would be one too many; one of the future, by a wrong clock, is none."""
    for each in there:
        match = _NAME.fullmatch(each)
        made = datetime.strptime(match["time"], _STAMP).replace(tzinfo=UTC) if match else now - BETWEEN
        if timedelta() <= now - made < BETWEEN:
            return each
    return None


def drop(backups: Path) -> Iterator[str]:
    """Takes the oldest away, with a message for each."""
    for kind in get_args(CopyKind):
        there = names(backups, kind)
        # The last of each day: whatever goes wrong for days in each hour leaves what was good before.
        days: dict[str, str] = {}
        for each in there:
            days.setdefault(each[: -len("T000000Z.sqlite")], each)
        kept = {*there[:KEPT], *list(days.values())[:DAYS]}
        for each in there:
            if each not in kept:
                for path in database.files(backups / each):
                    path.unlink()
                yield f"dropped {each}, since {KEPT} newer ones are there"


def drop_jupyterhubs(folder: Path) -> Iterator[str]:
    """JupyterHub makes a copy of its own at each try to upgrade, and one too old for the database tries for ever."""
    for path in sorted(folder.glob(f"{database.NAME}.*"))[:-KEPT]:
        path.unlink()
        yield f"dropped {path.name}, since {KEPT} newer ones are there"


class Scratch:
    """A folder for files that are not whole yet, emptied of what an earlier run left."""

    def __init__(self, backups: Path) -> None:
        self._path = backups / "unfinished"

    def __enter__(self) -> Path:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(mode=0o700)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
