"""The hub's database, a file of SQLite: what it consists of, whole copies of it, and who may read it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from coursehub.errors import CoursehubError

# As upstream's chart names it.
NAME = "jupyterhub.sqlite"
# For which a copy waits for a lock.
SECONDS = 10.0
# SQLite's files beside one that was not closed; some of the content may be there only.
_BESIDE = ("-journal", "-wal", "-shm")
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(CoursehubError):
    """A file that is no whole database; the message says what SQLite found."""


def files(database: Path) -> list[Path]:
    """The file and those beside it, as far as they are there."""
    return [path for suffix in ("", *_BESIDE) if (path := Path(f"{database}{suffix}")).exists()]


def copy(source: Path, target: Path) -> None:
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


def is_newer(database: Path) -> bool:
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


def close_off(database: Path) -> Iterator[str]:
    """Has it be there, perhaps empty, and for the hub's user alone, as its folder where that is the hub's own."""
    folder = database.parent
    try:
        database.touch(mode=0o600)
        for path in files(database):
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


def move(source: Path, target: Path) -> None:
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
