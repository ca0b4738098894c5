"""Carries files into the pod that executes a submission, and one out of it; what they hold is looked at by nobody.

The programs coursehub-fetch and coursehub-deliver are this module's, and run where nothing of a submission does. What
they and the others take along goes entry by entry, each opened below the folder that is open: through no link, without
waiting for whoever would write, plain files and folders alone, and bounded.
"""

import os
import re
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RUNS, INPUT, SCRATCH = Path("/srv/coursehub/runs"), Path("/srv/coursehub/input"), Path("/srv/coursehub/scratch")
NOTEBOOK, FILES, RESULT = "notebook.ipynb", "files", "result.ipynb"
FOLDER = re.compile(r"[0-9a-f]{32}")
# Beside the bytes.
MOST_ENTRIES, DEEPEST = 10_000, 60
# Bytes of what a submission brings, and of its notebook once it has run: the hub tells the pod the same.
MOST_INPUT, MOST_RESULT = 256 * 2**20, 64 * 2**20
LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 2**20


class Ended(Exception):
    """Why a program does not go on; `code` is one of sysexits.h."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Room:
    """What may still be carried."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries = MOST_ENTRIES

    def take(self, size: int = 0, entries: int = 0) -> None:
        """Ended where that is more than what is left."""
        self.size -= size
        self.entries -= entries
        if self.size < 0 or self.entries < 0:
            raise Ended(os.EX_DATAERR, "it is more than what may be carried")


@contextmanager
def opened(name: str | Path, flags: int = _STEP, folder: int | None = None) -> Any:
    """A descriptor; by default of a folder, below which names can be opened."""
    held = os.open(name, flags, 0o666, dir_fd=folder)
    try:
        yield held
    finally:
        os.close(held)


@contextmanager
def reading(name: str, folder: int) -> Any:
    """A descriptor of a plain file or a folder; Ended where it is something else, not there, or closed to us."""
    try:
        held = os.open(name, _READ, dir_fd=folder)
    except (FileNotFoundError, PermissionError) as error:
        raise Ended(os.EX_NOINPUT, f"{name!r} is not there: {error.strerror}") from None
    except OSError as error:
        # A link, a socket, or a device without a driver.
        raise Ended(os.EX_DATAERR, f"{name!r} cannot be read: {os.strerror(error.errno or 0)}") from None
    try:
        kind = os.fstat(held).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise Ended(os.EX_DATAERR, f"{name!r} is neither a file nor a folder")
        yield held
    finally:
        os.close(held)


def copy_all(source: int, target: int, room: Room, depth: int = DEEPEST) -> None:
    """Copies what is in the folder `source` into `target`, which is empty: others read it, their owner writes it."""
    if not depth:
        raise Ended(os.EX_DATAERR, "folders lie too deep in each other")
    for name in sorted(os.listdir(source)):
        room.take(entries=1)
        with reading(name, source) as held:
            if stat.S_ISREG(os.fstat(held).st_mode):
                copy_file(held, name, target, room)
                continue
            os.mkdir(name, dir_fd=target)
            with opened(name, LIST, target) as below:
                os.fchmod(below, 0o755)
                copy_all(held, below, room, depth - 1)


def copy_file(source: int, name: str, target: int, room: Room) -> None:
    """Copies an open file into a new one of that name in the folder `target`; of one that grows, what fits."""
    with opened(name, _WRITE, target) as made, open(made, "wb", closefd=False) as file:
        while part := os.read(source, _CHUNK):
            room.take(len(part))
            file.write(part)
        file.flush()
        os.fchmod(made, 0o644)


def fetch(folder: str, most: int) -> None:
    """Copies a run's input into the pod; Ended where it is no such thing, or too much."""
    try:
        with opened(RUNS) as runs, opened(folder, folder=runs) as run, reading("in", run) as source:
            with reading(NOTEBOOK, source) as notebook:
                if not stat.S_ISREG(os.fstat(notebook).st_mode):
                    raise Ended(os.EX_DATAERR, "the notebook is no file")
            with opened(INPUT) as target:
                copy_all(source, target, Room(most))
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Ended(os.EX_NOINPUT, f"the run's input is not there: {error}") from None


def deliver(folder: str, most: int) -> None:
    """Copies the result into the run's folder, where it is whole or not there; Ended where that cannot be."""
    with opened(SCRATCH) as scratch, reading(RESULT, scratch) as result:
        found = os.fstat(result)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise Ended(os.EX_DATAERR, "the result is too large, or no file")
        try:
            with opened(RUNS) as runs, opened(folder, folder=runs) as run, opened("out", folder=run) as target:
                _put(result, target, Room(most))
        except OSError as error:
            raise Ended(os.EX_CANTCREAT, f"the result cannot be written: {error}") from None


def _put(result: int, target: int, room: Room) -> None:
    making = f".making-{os.urandom(8).hex()}"
    try:
        copy_file(result, making, target, room)
        with opened(making, _READ, target) as made:
            # NFS may tell of a full disk only here.
            os.fsync(made)
        os.rename(making, RESULT, src_dir_fd=target, dst_dir_fd=target)
    except BaseException:
        with suppress(OSError):
            os.unlink(making, dir_fd=target)
        raise


def main(carry: Callable[[str, int], None], arguments: Sequence[str]) -> int:
    """The exit code of `coursehub-fetch` or `coursehub-deliver`."""
    match arguments:
        case [folder, most] if FOLDER.fullmatch(folder) and re.fullmatch("[0-9]{1,15}", most):
            try:
                carry(folder, int(most))
            except Ended as ended:
                print(ended, file=sys.stderr)
                return ended.code
            except OSError as error:
                print(error, file=sys.stderr)
                return os.EX_IOERR
            return os.EX_OK
    print("usage: FOLDER BYTES", file=sys.stderr)
    return os.EX_USAGE
