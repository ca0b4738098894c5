"""Where a path leads: through no link of another's.

Whoever can write into a folder can put a link there, a second name of a file, or a pipe; and whoever only opens or
saves what is beside it would read or write where that leads. So a path is gone through from the root, each step taken
from an open directory. A link is followed where nobody but oneself and root can change the folders on its way, as in
one's home; elsewhere it is refused, unless it leads from what can only be read to what can only be read, as in course
data.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from tornado.web import HTTPError

LINK = (
    "{!r} is a link in a folder where others can write, so it may lead to anything of yours. Links are not followed "
    "there: delete it, or have a copy of the file put in its place."
)
SECOND_NAME = (
    "{!r} has a second name elsewhere (a hard link), and others can write where it lies, so it may be a file of yours. "
    "Copy what you need of it in a terminal, and delete it."
)
SPECIAL = "{!r} is neither a file nor a folder, and others can write where it lies. Delete it."
_MOST_LINKS = 40
# An open directory of which only names below it are asked: also where one may enter, but not list, as in inbound.
STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Refused(HTTPError):
    """Why something is not read or written, in a sentence for whoever asked."""

    def __init__(self, sentence: str, path: str) -> None:
        self.sentence = sentence.format(path)
        super().__init__(403, self.sentence)

    def __str__(self) -> str:
        return self.sentence


class Step(NamedTuple):
    """An open directory on the way: `own` where no other than oneself and root can change it or a part of its way."""

    held: int
    name: str
    own: bool
    sheltered: bool


class Place(NamedTuple):
    """Where a path leads: the entry `name` of the open directory `folder`, which need not be there."""

    folder: int
    name: str
    own: bool
    path: str


@contextmanager
def reach(path: Path, *, follow: bool = True) -> Iterator[Place]:
    """The place of a path; Refused where a link would have to be followed that another may have made.

    Without `follow` the last part may be a link, and is the place itself.
    """
    steps: list[Step] = []
    try:
        yield _walk(os.path.join(os.getcwd(), os.fsdecode(path)), steps, follow)
    finally:
        for step in steps:
            os.close(step.held)


def _walk(path: str, steps: list[Step], follow: bool) -> Place:
    steps.append(_root())
    parts = deque(part for part in path.split("/") if part not in ("", "."))
    links, doubtful = 0, ""
    while parts:
        part = parts.popleft()
        here = steps[-1]
        if part == "..":
            if len(steps) > 1:
                os.close(steps.pop().held)
            continue
        if not parts:
            found = _status(here.held, part)
            if found is None or not stat.S_ISLNK(found.st_mode) or not follow:
                break
        else:
            held = os.open(part, STEP, dir_fd=here.held)
            found = os.fstat(held)
            if not stat.S_ISLNK(found.st_mode):
                steps.append(_step(held, part, found, here))
                continue
            os.close(held)
        # Of another's making, it may have come here by a move.
        if not here.own or found.st_uid not in (0, os.geteuid()):
            doubtful = doubtful or _path(steps, part)
            if not _is_read_only(here.held):
                raise Refused(LINK, doubtful)
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(part, dir_fd=here.held)
        if target.startswith("/"):
            while steps:
                os.close(steps.pop().held)
            steps.append(_root())
        parts.extendleft(reversed([each for each in target.split("/") if each not in ("", ".")]))
    else:
        part = "."
    last = steps[-1]
    if doubtful and not _is_read_only(last.held):
        raise Refused(LINK, doubtful)
    return Place(last.held, part, last.own, _path(steps, part))


def _root() -> Step:
    held = os.open("/", STEP)
    return _step(held, "", os.fstat(held), None)


def _step(held: int, name: str, found: os.stat_result, above: Step | None) -> Step:
    """What is below a folder that only oneself can enter, is sheltered: no mode opens it to others."""
    ours = found.st_uid in (0, os.geteuid())
    sheltered = bool(above and above.sheltered)
    own = (above is None or above.own) and ours and (sheltered or not found.st_mode & 0o022)
    return Step(held, name, own, own and (sheltered or (found.st_uid != 0 and not found.st_mode & 0o077)))


def _path(steps: list[Step], name: str) -> str:
    return "/".join([*(step.name for step in steps), *([] if name == "." else [name])]) or "/"


def _is_read_only(folder: int) -> bool:
    return bool(os.fstatvfs(folder).f_flag & os.ST_RDONLY)


def _status(folder: int, name: str) -> os.stat_result | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def check(place: Place, *, writing: bool) -> None:
    """Raises Refused where what is there now is not to be read, or written."""
    if not place.own and (found := _status(place.folder, place.name)):
        judge(found, place, writing=writing)


def judge(found: os.stat_result, place: Place, *, writing: bool) -> None:
    """Raises Refused where a file that others may have put there is not what it seems."""
    if place.own or stat.S_ISDIR(found.st_mode):
        return
    if stat.S_ISLNK(found.st_mode):
        raise Refused(LINK, place.path)
    if not stat.S_ISREG(found.st_mode):
        raise Refused(SPECIAL, place.path)
    # To read is harmless, unless somebody gave a second name to what is one's own.
    if found.st_nlink > 1 and (writing or found.st_uid == os.geteuid()):
        raise Refused(SECOND_NAME, place.path)
