"""Files and directories below a volume's root, reached by descriptor: no link on the way is ever followed.

A course or a person can put a link, or anything else, in the place of what is theirs, at any time. Each step is
therefore taken from an open directory, and what is changed is what was opened.
"""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

# Directories in each other that are entered: each holds two descriptors.
DEEPEST = 200
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe in a file's place would keep us waiting.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def folder(root: Path | int, path: str = ".") -> Iterator[int]:
    """A descriptor of the directory `path` below `root`; NotADirectoryError where a part of it is anything else."""
    held = os.dup(root) if isinstance(root, int) else os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in PurePosixPath(path).parts:
            try:
                below = open_folder(held, part)
            except OSError as error:
                raise _about(error, path) from None
            os.close(held)
            held = below
        yield held
    finally:
        os.close(held)


def open_folder(parent: int, name: str) -> int:
    """A descriptor of the directory called `name`, to be closed by the caller; OSError where it is no directory."""
    return os.open(name, _FOLDER, dir_fd=parent)


@contextmanager
def entry(parent: int, name: str, kind: int) -> Iterator[int]:
    """A descriptor of what is called `name`, where that is of this kind (stat.S_IFDIR, S_IFREG); else OSError."""
    held = open_folder(parent, name) if kind == stat.S_IFDIR else os.open(name, _FILE, dir_fd=parent)
    try:
        if stat.S_IFMT(os.fstat(held).st_mode) != kind:
            raise OSError(errno.EINVAL, "has become something else", name)
        yield held
    finally:
        os.close(held)


def is_alone(found: os.stat_result) -> bool:
    """A directory, or a file that has no second name, which may be of one that is none of the course's."""
    return stat.S_ISDIR(found.st_mode) or found.st_nlink == 1


def set_mode(parent: int, name: str, kind: int, change: Callable[[int], int]) -> bool:
    """Gives what is called `name` the mode that `change` makes of its own, and says whether it could.

    A file that has a second name is left alone.
    """
    with suppress(OSError), entry(parent, name, kind) as held:
        found = os.fstat(held)
        if is_alone(found):
            _set_mode(held, found.st_gid, change(stat.S_IMODE(found.st_mode)))
            return True
    return False


def write(parent: int, name: str, content: bytes, mode: int) -> None:
    """The file called `name` has this content and mode, whole or not at all, also for who reads it meanwhile."""
    temporary = f".{secrets.token_hex(8)}.part"
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
    try:
        with open(made, "wb") as file:
            os.fchmod(made, mode)
            file.write(content)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parent)
        raise


def give(held: int, uid: int, gid: int, mode: int) -> None:
    """What is at the descriptor is of this owner (-1: as it is), group and mode."""
    os.fchown(held, uid, gid)
    _set_mode(held, gid, mode)


def _set_mode(held: int, gid: int, mode: int) -> None:
    os.fchmod(held, mode)
    if mode & stat.S_ISGID and not os.fstat(held).st_mode & stat.S_ISGID:
        # Without CAP_FSETID Linux takes setgid off, unless the group is one's own.
        os.fchown(held, -1, os.getegid())
        try:
            os.fchmod(held, mode)
        finally:
            os.fchown(held, -1, gid)


@contextmanager
def saying(path: Path) -> Iterator[None]:
    """An OSError in here is about `path`, as whoever reads it knows it, and not about a name without its folder."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def look(parent: int, name: str) -> os.stat_result | None:
    """What is called `name`, itself; None where nothing is."""
    with suppress(FileNotFoundError):
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    return None


def walk(top: int, path: str) -> Iterator[tuple[int, str, str, os.stat_result | None]]:
    """Each entry below the directory: its parent's descriptor and path, its name, and its look.

    Once more without a look comes a directory that cannot be entered or is too deep. However many entries there are,
    only those above the current one are held.
    """
    stack = [(os.dup(top), path, os.scandir(top))]
    try:
        while stack:
            parent, above, entries = stack[-1]
            each = next(entries, None)
            if each is None:
                entries.close()
                os.close(stack.pop()[0])
                continue
            found = look(parent, each.name)
            if found is None:
                continue
            yield parent, above, each.name, found
            if stat.S_ISDIR(found.st_mode) and not _enter(stack, parent, each.name, f"{above}/{each.name}"):
                yield parent, above, each.name, None
    finally:
        for parent, _, entries in stack:
            entries.close()
            os.close(parent)


def _enter(stack: list[tuple[int, str, Any]], parent: int, name: str, path: str) -> bool:
    if len(stack) >= DEEPEST:
        return False
    try:
        below = open_folder(parent, name)
    except OSError:
        return False
    stack.append((below, path, os.scandir(below)))
    return True


def _about(error: OSError, path: str) -> OSError:
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return NotADirectoryError(errno.ENOTDIR, "is in the way; a directory must be there", path)
    return OSError(error.errno, error.strerror, path)
