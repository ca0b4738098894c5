"""The content of an archived course: only the owner of a file can write it, until the course opens again.

Closing leaves the sticky bit as a mark where the group could write, so that opening restores just that. On a file, and
on a directory where only the owner writes, that bit means nothing else.
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
    """How many files and directories below `path` were closed or opened; `left` stayed, such as hard links."""

    path: str
    what: Literal["close", "open"]
    count: int
    left: int
    done: bool = True

    def __str__(self) -> str:
        message = f"{self.what} {self.count} files and directories below {self.path}"
        if self.left:
            message += f"; {self.left} stay as they are, and `coursehub course check` says why"
        return message


def mode(found: int, *, archived: bool) -> int:
    """The mode in an archived or open course of an entry that has the mode `found`."""
    if archived:
        return (found | MARK if found & _GROUP else found) & ~_OTHERS
    if found & MARK and not found & _OTHERS:
        return found & ~MARK | _GROUP
    return found


def below(root: Path, top: str, *, archived: bool, dry_run: bool = False) -> Below:
    """Closes or opens all below `top`, a directory of a course, except the gradebook; idempotent."""
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
