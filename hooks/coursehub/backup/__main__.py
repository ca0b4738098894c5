"""The hub's database file: copies it before a start of the hub, keeps the newest copies, restores one on request.

    python3 -m coursehub.backup [PROGRAM ARGUMENT ...]

is the entrypoint of the hub's image: it works while nobody has the file open, and then becomes the program, which is
the hub. There is at most one copy in an hour, so that a hub that cannot start pushes no good copy out. Where a copy
fails, it prints why, and the hub starts all the same. COURSEHUB_RESTORE names a copy to put back, once; where that
fails it exits with 1, and no hub starts.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from coursehub import terminal

from . import copies, database
from .copies import RESTORE
from .restore import CannotRestore, restore

FOLDER = Path("/srv/jupyterhub")


def prepare(folder: Path, now: datetime, wanted: str = "") -> Iterator[str]:
    """Copies the database in `folder` or puts the copy `wanted` back, drops the oldest copies, and yields its messages.

    Afterwards there is a database file, perhaps an empty one. It and the copies are for the hub's user alone, and so is
    `folder` where it is the hub's own. Raises CannotRestore.
    """
    backups, file = folder / "backups", folder / database.NAME
    try:
        backups.mkdir(mode=0o700, exist_ok=True)
        backups.chmod(0o700)
        done = backups / "restored"
        if wanted and not (done.exists() and done.read_text() == wanted):
            yield restore(file, backups, now, wanted)
            # Once: a request that stays must not undo what comes after.
            done.write_text(wanted)
        else:
            if wanted:
                yield f"{wanted} was put back at an earlier start; take {RESTORE} away"
            else:
                done.unlink(missing_ok=True)
            yield copies.back_up(file, backups, now)
        yield from copies.drop(backups)
        yield from copies.drop_jupyterhubs(folder)
    except OSError as error:
        reason = f"{error.filename or folder}: {error.strerror}"
        if wanted:
            raise CannotRestore(f"{wanted} cannot be put back: {reason}") from None
        yield f"WARNING no copy was made: {reason}"
    yield from database.close_off(file)
    if database.is_newer(file):
        yield (
            "WARNING the database is of a newer JupyterHub, and this one does not start on it; "
            f"{RESTORE}=NAME puts back a copy from before that hub's first start"
        )
    for name in copies.names(backups, "jupyterhub", "replaced", "damaged"):
        yield f"  {name}  {(backups / name).stat().st_size // 1024} KiB"


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
