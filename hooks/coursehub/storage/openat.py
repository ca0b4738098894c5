"""Files and directories below a volume's root, reached by descriptor: no step follows a link.

At any time a course or a person can replace what is theirs by a link, or by anything else. So each step begins at an
open directory, and a change is made to what was opened.
"""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

# How deep a walk goes: each level holds two descriptors.
DEEPEST = 200
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK the open of a named pipe would wait for its other end.
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
    """A descriptor of the directory `name`, which the caller closes; OSError where it is no directory."""
    return os.open(name, _FOLDER, dir_fd=parent)


@contextmanager
def entry(parent: int, name: str, kind: int) -> Iterator[int]:
    """A descriptor of the entry `name`; OSError where it is not of this kind (stat.S_IFDIR, S_IFREG)."""
    held = open_folder(parent, name) if kind == stat.S_IFDIR else os.open(name, _FILE, dir_fd=parent)
    try:
        if stat.S_IFMT(os.fstat(held).st_mode) != kind:
            raise OSError(errno.EINVAL, "has become something else", name)
        yield held
    finally:
        os.close(held)


def is_alone(found: os.stat_result) -> bool:
    """Whether it is a directory or a file with one name; a second name may be outside of the course."""
    return stat.S_ISDIR(found.st_mode) or found.st_nlink == 1


def set_mode(parent: int, name: str, kind: int, change: Callable[[int], int]) -> bool:
    """Gives the entry `name` the mode that `change` makes of its mode; returns whether it could.

    It leaves a file with a second name alone.
    """
    with suppress(OSError), entry(parent, name, kind) as held:
        found = os.fstat(held)
        if is_alone(found):
            _set_mode(held, found.st_gid, change(stat.S_IMODE(found.st_mode)))
            return True
    return False


def write(parent: int, name: str, content: bytes, mode: int, gid: int = -1) -> None:
    """Gives the file `name` content, mode and group; who reads it meanwhile gets the old or the new content, whole."""
    temporary = f".{secrets.token_hex(8)}.part"
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
    try:
        with open(made, "wb") as file:
            os.fchown(made, -1, gid)
            os.fchmod(made, mode)
            file.write(content)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parent)
        raise


def give(held: int, uid: int, gid: int, mode: int) -> None:
    """Sets owner (-1 leaves it), group and mode of what the descriptor holds."""
    os.fchown(held, uid, gid)
    _set_mode(held, gid, mode)


def give_away(parent: int, name: str, found: os.stat_result, uid: int, gid: int) -> bool:
    """Gives away the entry that has the status `found`, of whatever kind; False where it has become something else."""
    with suppress(FileNotFoundError):
        held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            now = os.fstat(held)
            same = (now.st_dev, now.st_ino, now.st_uid) == (found.st_dev, found.st_ino, found.st_uid)
            if same and (stat.S_ISDIR(now.st_mode) or now.st_nlink <= found.st_nlink):
                # What is held, a link too: opening a pipe or a device would do more.
                os.chown(f"/proc/self/fd/{held}", uid, gid)
                return True
        finally:
            os.close(held)
    return False


def _set_mode(held: int, gid: int, mode: int) -> None:
    os.fchmod(held, mode)
    if mode & stat.S_ISGID and not os.fstat(held).st_mode & stat.S_ISGID:
        # Without CAP_FSETID Linux clears setgid, unless the group is the process's own.
        os.fchown(held, -1, os.getegid())
        try:
            os.fchmod(held, mode)
        finally:
            os.fchown(held, -1, gid)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An OSError raised in here names `path`, not only the last part of it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def look(parent: int, name: str) -> os.stat_result | None:
    """The status of the entry `name` itself, of a link too; None where there is none."""
    with suppress(FileNotFoundError):
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    return None


def walk(top: int, path: str) -> Iterator[tuple[int, str, str, os.stat_result | None]]:
    """Each entry below the directory: its parent's descriptor and path, its name, and its status.

    A directory that cannot be entered or is too deep comes a second time, with None as status. Memory holds only the
    directories above the current entry.
    """
    stack = [(os.dup(top), path, os.scandir(top))]
    try:
        while stack:
            parent, above, entries = stack[-1]
            child = next(entries, None)
            if child is None:
                entries.close()
                os.close(stack.pop()[0])
                continue
            found = look(parent, child.name)
            if found is None:
                continue
            yield parent, above, child.name, found
            if stat.S_ISDIR(found.st_mode) and not _enter(stack, parent, child.name, f"{above}/{child.name}"):
                yield parent, above, child.name, None
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
