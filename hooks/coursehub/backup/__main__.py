"""The hub's database file: copies it before a start of the hub, keeps the newest copies, restores one on request.

    python3 -m coursehub.backup [PROGRAM ARGUMENT ...]

is the entrypoint of the hub's image: it works while nobody has the file open, and then becomes the program, which is
the hub. There is at most one copy in an hour, so that a hub that cannot start pushes no good copy out. Where a copy
fails, it prints why, and the hub starts all the same. COURSEHUB_RESTORE names a copy to put back, once; where that
fails it exits with 1, and no hub starts.
"""

import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from coursehub import terminal
from coursehub.errors import CoursehubError

FOLDER = Path("/srv/jupyterhub")
# As upstream's chart names it.
DATABASE = "jupyterhub.sqlite"
RESTORE = "COURSEHUB_RESTORE"
NEWEST = "newest"
# The newest, and the last of each of so many days.
KEPT, DAYS = 5, 7
SECONDS = 10.0
BETWEEN = timedelta(hours=1)

# Whole copies; byte by byte copies of a damaged file; files that a restored copy replaced.
CopyKind = Literal["jupyterhub", "damaged", "replaced"]
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(?P<kind>jupyterhub|damaged|replaced)-(?P<time>[0-9]{8}T[0-9]{6}Z)\.sqlite")
# SQLite's files beside one that was not closed; some of the content may be there only.
_BESIDE = ("-journal", "-wal", "-shm")
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(CoursehubError):
    """A file that is no whole database; the message says what SQLite found."""


class CannotRestore(CoursehubError):
    """The requested copy cannot be put back; the message says why, and which copies can."""


def prepare(folder: Path, now: datetime, wanted: str = "") -> Iterator[str]:
    """Copies the database in `folder` or puts the copy `wanted` back, drops the oldest copies, and yields its messages.

    Afterwards there is a database file, perhaps an empty one. It and the copies are for the hub's user alone, and so is
    `folder` where it is the hub's own. Raises CannotRestore.
    """
    backups = folder / "backups"
    database = folder / DATABASE
    try:
        backups.mkdir(mode=0o700, exist_ok=True)
        backups.chmod(0o700)
        done = backups / "restored"
        if wanted and not (done.exists() and done.read_text() == wanted):
            yield _restore(database, backups, now, wanted)
            # Once: a request that stays must not undo what comes after.
            done.write_text(wanted)
        else:
            if wanted:
                yield f"{wanted} was put back at an earlier start; take {RESTORE} away"
            else:
                done.unlink(missing_ok=True)
            yield _back_up(database, backups, now)
        yield from _drop(backups)
        yield from _drop_jupyterhubs(folder)
    except OSError as error:
        reason = f"{error.filename or folder}: {error.strerror}"
        if wanted:
            raise CannotRestore(f"{wanted} cannot be put back: {reason}") from None
        yield f"WARNING no copy was made: {reason}"
    yield from _close_off(folder)
    if _is_newer(database):
        yield (
            "WARNING the database is of a newer JupyterHub, and this one does not start on it; "
            f"{RESTORE}=NAME puts back a copy from before that hub's first start"
        )
    for name in copies(backups, "jupyterhub", "replaced", "damaged"):
        yield f"  {name}  {(backups / name).stat().st_size // 1024} KiB"


def copies(backups: Path, *kinds: CopyKind) -> list[str]:
    """The names of copies of these kinds, each kind's newest first."""
    try:
        found = sorted((path.name for path in backups.iterdir() if path.is_file()), reverse=True)
    except OSError:
        return []
    return [name for kind in kinds for name in found if (match := _NAME.fullmatch(name)) and match["kind"] == kind]


def _back_up(database: Path, backups: Path, now: datetime) -> str:
    parts = [path for suffix in ("", *_BESIDE) if (path := Path(f"{database}{suffix}")).exists()]
    size = sum(path.stat().st_size for path in parts)
    if not database.exists() or not database.stat().st_size:
        if copies(backups, "jupyterhub"):
            return f"WARNING there is no database, so the hub begins a new one; {RESTORE}={NEWEST} puts a copy back"
        return "there is no database yet, so nothing to copy"
    # As much again stays free for the hub.
    if (free := shutil.disk_usage(backups).free) < 2 * size:
        return f"WARNING no copy was made: it takes {size} bytes, and {free} are free; the volume needs more room"
    name, recent = _name("jupyterhub", now), _since(copies(backups, "jupyterhub"), now)
    try:
        with _Scratch(backups) as scratch:
            # Also where the copy is not kept: that is how damage shows.
            _copy(database, scratch / name)
            if recent is None:
                _move(scratch / name, backups / name)
        return f"no copy is kept: {recent} is not an hour old" if recent else f"copied to {name}"
    except Damaged as damage:
        remedy = f"{RESTORE}={NEWEST} puts a copy back"
        if recent := _since(copies(backups, "damaged"), now):
            return f"WARNING the database is damaged ({damage}); as it was it lies in {recent}; {remedy}"
        name = _name("damaged", now)
        with _Scratch(backups) as scratch:
            for path in parts:
                aside = scratch / path.name.replace(DATABASE, name)
                shutil.copyfile(path, aside)
                _move(aside, backups / aside.name)
        return f"WARNING the database is damaged ({damage}); as it is it lies in {name}; {remedy}"
    except sqlite3.Error as error:
        return f"WARNING no copy was made: {error}"


def _since(names: Sequence[str], now: datetime) -> str | None:
    """The copy that is so recent that another would be one too many; one of the future, by a wrong clock, is none."""
    for name in names:
        match = _NAME.fullmatch(name)
        made = datetime.strptime(match["time"], _STAMP).replace(tzinfo=UTC) if match else now - BETWEEN
        if timedelta() <= now - made < BETWEEN:
            return name
    return None


def _restore(database: Path, backups: Path, now: datetime, wanted: str) -> str:
    there = copies(backups, "jupyterhub", "replaced")
    name = next(iter(copies(backups, "jupyterhub")), "") if wanted == NEWEST else wanted
    choice = f"write {RESTORE} with one of: {', '.join([NEWEST, *there])}" if there else "there is no copy at all"
    if name not in there:
        raise CannotRestore(f"{wanted}: no such copy; {choice}")
    aside = backups / _name("replaced", now)
    try:
        with _Scratch(backups) as scratch:
            _copy(backups / name, scratch / DATABASE)
            # The files beside go first: SQLite would replay them into the copy.
            for suffix in (*_BESIDE, ""):
                if (old := Path(f"{database}{suffix}")).exists():
                    _move(old, Path(f"{aside}{suffix}"))
            _move(scratch / DATABASE, database)
    except Damaged as damage:
        raise CannotRestore(f"{name} is damaged itself ({damage}); {choice}") from None
    except sqlite3.Error as error:
        raise CannotRestore(f"{name} cannot be put back: {error}") from None
    return f"put {name} back; what was there before is {aside.name if aside.exists() else 'nothing'}"


def _drop(backups: Path) -> Iterator[str]:
    kinds: Sequence[CopyKind] = ("jupyterhub", "damaged", "replaced")
    for kind in kinds:
        names = copies(backups, kind)
        # The last of each day: whatever goes wrong for days in each hour leaves what was good before.
        days: dict[str, str] = {}
        for name in names:
            days.setdefault(name[: -len("T000000Z.sqlite")], name)
        kept = {*names[:KEPT], *list(days.values())[:DAYS]}
        for name in names:
            if name not in kept:
                for suffix in ("", *_BESIDE):
                    (backups / f"{name}{suffix}").unlink(missing_ok=True)
                yield f"dropped {name}, since {KEPT} newer ones are there"


def _drop_jupyterhubs(folder: Path) -> Iterator[str]:
    """JupyterHub makes a copy of its own at each try to upgrade, and one too old for the database tries for ever."""
    for path in sorted(folder.glob(f"{DATABASE}.*"))[:-KEPT]:
        path.unlink()
        yield f"dropped {path.name}, since {KEPT} newer ones are there"


def _is_newer(database: Path) -> bool:
    """Whether the JupyterHub that is installed here does not know the database's revision."""
    hub = find_spec("jupyterhub")
    if hub is None or hub.origin is None:
        return False
    known = {path.name.partition("_")[0] for path in Path(hub.origin).parent.glob("alembic/versions/*_*.py")}
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as file:
            return not {name for (name,) in file.execute("SELECT version_num FROM alembic_version")} <= known
    except sqlite3.Error:
        return False


def _close_off(folder: Path) -> Iterator[str]:
    database = folder / DATABASE
    try:
        database.touch(mode=0o600)
        for suffix in ("", *_BESIDE):
            if (path := Path(f"{database}{suffix}")).exists():
                path.chmod(0o600)
        # With fsGroup the top of a volume stays root's, and only its owner can change the mode.
        found = folder.stat()
        if found.st_uid == os.geteuid():
            folder.chmod(0o700)
        elif found.st_mode & 0o007:
            kept = f"{found.st_mode & 0o7777:04o}"
            yield f"{folder} is of uid {found.st_uid} and stays {kept}; what is in it is closed off"
    except OSError as error:
        yield f"WARNING the hub may be unable to write its database: {error.filename}: {error.strerror}"


def _copy(source: Path, target: Path) -> None:
    """A whole copy in one new file; raises Damaged, or sqlite3.Error where there is another reason."""
    try:
        uri = f"file:{quote(str(source))}?mode=rw"
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=SECONDS)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            # This waits for a lock, at most SECONDS; backup() would wait for ever.
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            old.backup(new)
            (found,) = new.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            raise Damaged(str(error)) from None
        raise
    if found != "ok":
        raise Damaged(str(found).splitlines()[-1])


class _Scratch:
    """A folder for files that are not whole yet, emptied of what an earlier run left."""

    def __init__(self, backups: Path) -> None:
        self._path = backups / "unfinished"

    def __enter__(self) -> Path:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(mode=0o700)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _name(kind: CopyKind, now: datetime) -> str:
    return f"{kind}-{now.strftime(_STAMP)}.sqlite"


def _move(source: Path, target: Path) -> None:
    """Whole or not at all, also where the machine goes down."""
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(folder: Path | None, program: Sequence[str] = (), environment: Mapping[str, str] = os.environ) -> int:
    """0: the hub may start, 1: what COURSEHUB_RESTORE asks for cannot be done; does not return where a program starts.

    `folder` has the database; None where that is a server of the site's, which has copies of its own.
    """
    if folder is not None:
        umask = os.umask(0o077)
        try:
            for line in prepare(folder, datetime.now(UTC), environment.get(RESTORE, "")):
                terminal.out(line)
        except CannotRestore as error:
            terminal.err(f"coursehub: {error}")
            return 1
        os.umask(umask)
    elif environment.get(RESTORE):
        terminal.err(
            f"coursehub: {environment[RESTORE]} cannot be put back: the hub's database is no file here; take {RESTORE} "
            "away, and put back what the database's own tools kept"
        )
        return 1
    if program:
        try:
            os.execvp(program[0], list(program))
        except OSError as error:
            terminal.err(f"coursehub: {program[0]} cannot be started: {error.strerror}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(FOLDER if os.path.ismount(FOLDER) else None, sys.argv[1:]))
