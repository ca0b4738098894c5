"""Copies released feedback into the homes of its students, on the storage host, with the rights of each owner.

At any time an instructor or a student can replace what is theirs by anything: every step begins at an open directory
and follows no link, and in a home the program can do only what its owner could.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coursehub import layout
from coursehub.errors import Refused
from coursehub.names import is_person
from coursehub.protocol import Tenant

from . import openat
from .volume import Volume

LARGEST = 64 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._-]{0,199}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)? [A-Za-z0-9+-]+")


@dataclass(frozen=True)
class Pushed:
    """The result for one page of feedback; `path` is below the student's home, `reason` says why it failed."""

    student: str
    path: str
    what: Literal["copy", "same", "failed"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.what:6} {self.student} {self.path}{self.reason and f': {self.reason}'}"


@dataclass(frozen=True)
class Page:
    """A released page of feedback; `path` is where nbgrader's fetch_feedback would put it."""

    student: str
    path: str
    content: bytes


def push(root: Path, slug: str, *, dry_run: bool = False) -> Iterator[Pushed]:
    """Copies each released page of the course and yields the result; a page that is there stays. It needs root.

    Raises Refused where the course has no directory on the volume at `root`.
    """
    homes: dict[str, list[Tenant]] = {}
    for tenant in Volume(root).people():
        homes.setdefault(tenant.name, []).append(tenant)
    for found in _released(root, slug):
        theirs = homes.get(found.student, [])
        yield _pushed(root, theirs, found, dry_run=dry_run) if isinstance(found, Page) else found


def _released(root: Path, slug: str) -> Iterator[Page | Pushed]:
    files, exchange = layout.course_files(slug), layout.exchange(slug)
    try:
        with openat.folder(root, files), openat.folder(root, f"{exchange}/feedback") as released:
            for student, assignment in _pairs(root, f"{files}/feedback"):
                try:
                    with openat.folder(root, f"{files}/feedback/{student}/{assignment}") as made:
                        yield from _pages(student, assignment, made, released)
                except OSError as error:
                    yield Pushed(student, f"{assignment}/feedback", "failed", f"cannot be read ({error.strerror})")
    except FileNotFoundError:
        raise Refused(f"the course '{slug}' has no directories below {root}; make them first") from None


def _pairs(root: Path, path: str) -> Iterator[tuple[str, str]]:
    """Each student and assignment with feedback, released or not."""
    with suppress(FileNotFoundError), openat.folder(root, path) as feedback:
        for student in sorted(filter(is_person, os.listdir(feedback))):
            with suppress(NotADirectoryError), openat.folder(feedback, student) as theirs:
                yield from ((student, name) for name in sorted(filter(_NAME.fullmatch, os.listdir(theirs))))


def _pages(student: str, assignment: str, made: int, released: int) -> Iterator[Page]:
    with suppress(FileNotFoundError):
        secret = _read(made, "submission_secret.txt")
        time = _read(made, "timestamp.txt").decode(errors="replace").strip()
        for name in sorted(os.listdir(made)):
            notebook, _, ending = name.rpartition(".")
            if ending != "html" or not _NAME.fullmatch(notebook) or not _TIME.fullmatch(time):
                continue
            # nbgrader's release_feedback gives it this name; before that, nobody may see it.
            key = hashlib.md5(secret + notebook.encode(), usedforsecurity=False).hexdigest()
            with suppress(FileNotFoundError):
                content = _read(released, f"{key}.html")
                yield Page(student, f"{assignment}/feedback/{time}/{name}", content)


def _pushed(root: Path, homes: Sequence[Tenant], page: Page, *, dry_run: bool) -> Pushed:
    if len(homes) != 1:
        uids = ", ".join(str(tenant.uid) for tenant in homes)
        why = f"has {len(homes)} homes, of uids {uids}" if homes else "has no home here"
        return Pushed(page.student, page.path, "failed", why)
    (owner,) = homes
    try:
        with openat.folder(root, layout.home(owner.uid, owner.name)) as home, _acting_as(owner.uid, owner.gid):
            if _there(home, page.path) == page.content:
                return Pushed(page.student, page.path, "same")
            if not dry_run:
                _write(home, page.path, page.content)
    except OSError as error:
        in_the_way = error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST)
        reason = f"something else is in the way ({error.filename})" if in_the_way else str(error.strerror)
        return Pushed(page.student, page.path, "failed", reason)
    return Pushed(page.student, page.path, "copy")


@contextmanager
def _acting_as(uid: int, gid: int) -> Iterator[None]:
    """Runs the block with the rights, and so the quota, of that person alone."""
    groups, own = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(own)
        os.setgroups(groups)


def _there(home: int, path: str) -> bytes | None:
    above, _, name = path.rpartition("/")
    try:
        with openat.folder(home, above) as parent:
            return _read(parent, name)
    except FileNotFoundError:
        return None


def _write(home: int, path: str, content: bytes) -> None:
    above, _, name = path.rpartition("/")
    for depth in range(1, above.count("/") + 2):
        below = "/".join(above.split("/")[:depth])
        with openat.folder(home, str(Path(below).parent)) as parent, suppress(FileExistsError):
            os.mkdir(Path(below).name, 0o700, dir_fd=parent)
    with openat.folder(home, above) as parent:
        # Whole or not at all, also where the home is full.
        openat.write(parent, name, content, 0o600)


def _read(parent: int, name: str) -> bytes:
    with openat.entry(parent, name, stat.S_IFREG) as held, open(held, "rb", closefd=False) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    return content
