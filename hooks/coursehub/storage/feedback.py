"""Copies released feedback into the homes of its students, on the storage host, with the rights of each owner.

At any time an instructor or a student can replace what is theirs by anything: every step begins at an open directory
and follows no link, and in a home the program can do only what its owner could. Whom the course's folders name gets
something only where a submission of theirs is in inbound, of that assignment and time, owned by their uid.
"""

import errno
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Literal

from coursehub import layout
from coursehub.errors import Refused
from coursehub.names import is_person
from coursehub.protocol import Tenant

from . import openat, submissions
from .submissions import Submission
from .volume import Volume

# The most bytes of a page; the most pages and bytes that a person gets of a course, and that one run copies.
LARGEST = 64 * 2**20
PERSON = 1000, 512 * 2**20
RUN = 100_000, 64 * 2**30


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
    """A released page of feedback of `size` bytes: `file` in the exchange, `name` in the student's home."""

    course: str
    submission: Submission
    name: str
    file: str
    size: int

    @property
    def student(self) -> str:
        """Whose it is, as the course's folder says."""
        return self.submission.student

    @property
    def path(self) -> str:
        """Where nbgrader's fetch_feedback would put it."""
        return f"{_folder(self.course, self.submission.assignment)}/{self.submission.time}/{self.name}"


@dataclass
class Room:
    """How many pages and bytes may still come; `full` once there was no room for one."""

    pages: int
    size: int
    full: bool = False

    def take(self, size: int) -> bool:
        """Whether there was room for a page of `size` bytes, which is used up then."""
        self.full = self.full or not self.pages or size > self.size
        if not self.full:
            self.pages, self.size = self.pages - 1, self.size - size
        return not self.full


def push(root: Path, slug: str, *, dry_run: bool = False) -> Iterator[Pushed]:
    """Copies each released page of the course and yields the result; a page that is there stays. It needs root.

    Pages of a person that are left out for one reason are one result. Raises Refused where the course has no directory
    on the volume at `root`.
    """
    homes: dict[str, list[Tenant]] = {}
    for tenant in Volume(root).people():
        homes.setdefault(tenant.name, []).append(tenant)
    files, exchange = layout.course_files(slug), layout.exchange(slug)
    try:
        with openat.folder(root, files), openat.folder(root, f"{exchange}/feedback") as released:
            run = _Run(root, released, homes, submissions.by_owner(root, slug), Room(*RUN), dry_run)
            for student, pages in groupby(_released(root, slug, released), key=attrgetter("student")):
                yield from run.of(student, pages)
                if run.room.full:
                    return
    except FileNotFoundError:
        raise Refused(f"the course '{slug}' has no directories below {root}; make them first") from None


def _folder(slug: str, assignment: str) -> str:
    """Where the assignment's feedback goes, below a home."""
    return f"{slug}/{assignment}/feedback"


def _released(root: Path, slug: str, released: int) -> Iterator[Page | Pushed]:
    """Each page that nbgrader has released, and what cannot be one, a student's one after the other."""
    above = f"{layout.course_files(slug)}/feedback"
    for student, assignments in _students(root, above):
        if isinstance(assignments, str):
            yield Pushed(student, f"{slug}/", "failed", assignments)
            continue
        for assignment in assignments:
            try:
                with openat.folder(root, f"{above}/{student}/{assignment}") as made:
                    yield from _pages(slug, student, assignment, made, released)
            except OSError as error:
                yield Pushed(student, _folder(slug, assignment), "failed", _unreadable(error))


def _students(root: Path, path: str) -> Iterator[tuple[str, list[str] | str]]:
    """Each folder of a student with the names of assignments in it, or why it counts for nothing."""
    with suppress(FileNotFoundError), openat.folder(root, path) as feedback:
        for student in sorted(os.listdir(feedback)):
            found = openat.look(feedback, student)
            # Neither is nbgrader's: what somebody noted, what a program keeps for itself.
            if found is None or stat.S_ISREG(found.st_mode) or student.startswith("."):
                continue
            if not is_person(student):
                yield student, "it is no login name"
                continue
            try:
                with openat.folder(feedback, student) as theirs:
                    yield student, sorted(os.listdir(theirs))
            except OSError as error:
                yield student, _unreadable(error)


def _pages(slug: str, student: str, assignment: str, made: int, released: int) -> Iterator[Page | Pushed]:
    pages = sorted(name for name in os.listdir(made) if name.endswith(".html"))
    if not pages:
        return
    secret = _read(made, "submission_secret.txt")
    time = _read(made, "timestamp.txt").decode(errors="replace").strip()
    if not submissions.TIME.fullmatch(time):
        yield Pushed(student, _folder(slug, assignment), "failed", "its timestamp.txt holds no time")
        return
    for name in pages:
        # nbgrader's release_feedback gives it this name; before that, nobody may see it.
        unique = secret + os.fsencode(name.removesuffix(".html"))
        file = f"{hashlib.md5(unique, usedforsecurity=False).hexdigest()}.html"
        if (found := openat.look(released, file)) is not None:
            yield Page(slug, Submission(student, assignment, time), name, file, found.st_size)


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.filename}: {error.strerror})" if error.filename else f"cannot be read ({error})"


@dataclass(frozen=True)
class _Run:
    root: Path
    released: int
    homes: Mapping[str, Sequence[Tenant]]
    handed_in: Mapping[int, Set[Submission]]
    room: Room
    dry_run: bool

    def of(self, student: str, pages: Iterable[Page | Pushed]) -> Iterator[Pushed]:
        """What becomes of a student's pages."""
        theirs, room = self.homes.get(student, ()), Room(*PERSON)
        left_out: dict[str, Pushed] = {}
        more: Counter[str] = Counter()
        for page in pages:
            why = page.reason if isinstance(page, Pushed) else self._why_not(page, theirs)
            if not why and isinstance(page, Page) and not room.take(page.size):
                why = f"nobody gets more than {_written(PERSON)} of a course"
            if why or isinstance(page, Pushed):
                first = left_out.setdefault(why, Pushed(student, page.path, "failed", why))
                more[why] += first.path != page.path
                continue
            yield self._pushed(theirs[0], page)
            if self.room.full:
                return
        for why, first in left_out.items():
            yield replace(first, reason=f"{why}; {more[why]} more of theirs too") if more[why] else first

    def _why_not(self, page: Page, theirs: Sequence[Tenant]) -> str:
        if not theirs:
            return "has no home here"
        if len(theirs) > 1:
            return f"has {len(theirs)} homes, of uids {', '.join(str(tenant.uid) for tenant in theirs)}"
        if page.submission not in self.handed_in.get(theirs[0].uid, ()):
            return "handed in nothing of that time themselves"
        return ""

    def _pushed(self, owner: Tenant, page: Page) -> Pushed:
        try:
            content = _read(self.released, page.file, min(page.size, LARGEST))
            with openat.folder(self.root, layout.home(owner.uid, owner.name)) as home, _acting_as(owner.uid, owner.gid):
                if _there(home, page.path) == content:
                    return Pushed(page.student, page.path, "same")
                if not self.room.take(len(content)):
                    why = f"one run copies no more than {_written(RUN)}; run it again for the rest"
                    return Pushed(page.student, page.path, "failed", why)
                if not self.dry_run:
                    _write(home, page.path, content)
        except OSError as error:
            in_the_way = error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST)
            reason = f"something else is in the way ({error.filename})" if in_the_way else str(error.strerror)
            return Pushed(page.student, page.path, "failed", reason)
        return Pushed(page.student, page.path, "copy")


def _written(bound: tuple[int, int]) -> str:
    pages, size = bound
    return f"{pages} pages and {size // 2**20} MiB"


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


def _read(parent: int, name: str, most: int = LARGEST) -> bytes:
    with openat.entry(parent, name, stat.S_IFREG) as held, open(held, "rb", closefd=False) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    return content
