"""What is in the directories of an archived course: only its owner may still write it, until the course opens again.

Where a group could write, the sticky bit stays behind as the mark, so that opening gives back what closing took and
nothing else. On a file, and in a directory where only the owner writes, that bit means nothing.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from . import openat

MARK = stat.S_ISVTX
_GROUP = stat.S_IWGRP
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Below:
    """How many files and directories below `path` are closed or opened; `left` could not be, such as hard links."""

    path: str
    what: Literal["close", "open"]
    count: int
    left: int
    done: bool = True

    def __str__(self) -> str:
        said = f"{self.what} {self.count} files and directories below {self.path}"
        return f"{said}; {self.left} stay as they are, and `coursehub course check` says why" if self.left else said


def mode(found: int, *, archived: bool) -> int:
    """The mode of what has the mode `found`, in a course that is archived or open."""
    if archived:
        return (found | MARK if found & _GROUP else found) & ~_OTHERS
    if found & MARK and not found & _OTHERS:
        return found & ~MARK | _GROUP
    return found


def below(root: Path, top: str, *, archived: bool, dry_run: bool = False) -> Below:
    """Closes or opens what is below `top`, a directory of a course, but for the gradebook; what is there already is."""
    change = partial(mode, archived=archived)
    count = left = 0
    with suppress(FileNotFoundError, NotADirectoryError), openat.folder(root, top) as held:
        for parent, above, name, found in openat.walk(held, top):
            if found is None:
                left += 1
            elif _is_to_change(f"{above}/{name}", top, found, change):
                kind = stat.S_IFMT(found.st_mode)
                if openat.is_alone(found) and (dry_run or openat.set_mode(parent, name, kind, change)):
                    count += 1
                else:
                    left += 1
    return Below(top, "close" if archived else "open", count, left, done=not dry_run)


def _is_to_change(path: str, top: str, found: os.stat_result, change: Callable[[int], int]) -> bool:
    kind, now = stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode)
    return kind in (stat.S_IFREG, stat.S_IFDIR) and change(now) != now and path != f"{top}/gradebook.db"
