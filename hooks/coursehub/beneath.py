"""Files and directories below a volume's root, reached by descriptor: no link on the way is ever followed.

A course or a person can put a link, or anything else, in the place of what is theirs, at any time. Each step is
therefore taken from an open directory, and what is changed is what was opened.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe in a file's place would keep us waiting.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def folder(root: Path, path: str = ".") -> Iterator[int]:
    """A descriptor of the directory `path` below `root`; NotADirectoryError where a part of it is anything else."""
    held = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in PurePosixPath(path).parts:
            try:
                below = os.open(part, _FOLDER, dir_fd=held)
            except OSError as error:
                raise _about(error, path) from None
            os.close(held)
            held = below
        yield held
    finally:
        os.close(held)


@contextmanager
def entry(parent: int, name: str, kind: int) -> Iterator[int]:
    """A descriptor of what is called `name`, where that is of this kind (stat.S_IFDIR, S_IFREG); else OSError."""
    held = os.open(name, _FOLDER if kind == stat.S_IFDIR else _FILE, dir_fd=parent)
    try:
        if stat.S_IFMT(os.fstat(held).st_mode) != kind:
            raise OSError(errno.EINVAL, "has become something else", name)
        yield held
    finally:
        os.close(held)


def look(parent: int, name: str) -> os.stat_result | None:
    """What is called `name`, itself; None where nothing is."""
    with suppress(FileNotFoundError):
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    return None


def _about(error: OSError, path: str) -> OSError:
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return NotADirectoryError(errno.ENOTDIR, "is in the way; a directory must be there", path)
    return OSError(error.errno, error.strerror, path)
