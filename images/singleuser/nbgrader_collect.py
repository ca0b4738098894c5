"""nbgrader's collect, taking only what a submission's student owns, and of it only plain files within bounds.

A submission stays its student's to change while it is collected. So no link is ever followed, every step is taken from
an open directory, and what was checked is what is copied; one that is refused leaves nothing and stops no other.
"""

import os
import pwd
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

import coursehub_places
from coursehub_files import OS, SHUTIL, open_file
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.default import ExchangeCollect
from nbgrader_times import STAMP, stamped

# Lines of passwd: the course's people, by the uid that owns the home of that name.
PEOPLE = Path("/srv/coursehub/people/passwd")
MOST_FILES = 2000
DEEPEST = 20
TOLD = 20
# Behind the student and the assignment; the time's zone can begin with another +.
_TIME = re.compile(rf"({STAMP})(\+[^+]*)?")
_SECRET = re.compile(rb"[0-9a-f]{128}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe in a file's place would keep us waiting.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Refused(Exception):
    """Why a submission is not collected, in words for its course's instructors."""


@dataclass(frozen=True)
class Submission:
    """A folder of inbound whose owner is the student that its name says; `written` is the time as the name has it."""

    student: str
    time: datetime
    written: str
    folder: str


@dataclass
class Budget:
    """What may still come of one submission."""

    files: int
    size: int

    def take(self, *, files: int = 0, size: int = 0) -> None:
        """Raises Refused where it is used up."""
        self.files -= files
        self.size -= size
        if self.files < 0:
            raise Refused(f"it holds more than {MOST_FILES} files")
        if self.size < 0:
            raise Refused("it is larger than a submission may be")


class Collect(ExchangeCollect):  # type: ignore[misc] # nbgrader is untyped
    """Collects what is honest, and says at the level of errors what it refused and why."""

    def init_src(self) -> None:
        """Chooses one submission a student: the newest, or with `before_duedate` the newest that is in time."""
        if not self.coursedir.course_id:
            self.fail("No course id specified. Re-run with --course flag.")
        self.inbound = Path(self.root) / self.coursedir.course_id / "inbound"
        if not os.access(self.inbound, os.R_OK | os.X_OK):
            self.fail(f"The submissions in {self.inbound} are not there, or not yours to read.")
        self.refused = 0
        found: dict[str, list[Submission]] = {}
        for each in self._honest():
            found.setdefault(each.student, []).append(each)
        due = self._due() if self.before_duedate else None
        self.chosen = [_newest(found[student], due) for student in sorted(found)]

    def copy_files(self) -> None:
        """Copies what was chosen and is not there yet; an older copy stays until the newer one is complete."""
        assignment = self.coursedir.assignment_id
        if not self.chosen:
            self.log.warning("No submissions of '%s' to collect", assignment)
        for each in self.chosen:
            path = self.coursedir.format_path(self.coursedir.submitted_directory, each.student, assignment)
            destination = Path(path)
            if destination.is_dir() and not self._replaces(each, destination):
                self.log.info("No newer submission to collect: %s %s", each.student, assignment)
                continue
            try:
                self._take(each, destination)
            except (Refused, OSError) as error:
                reason = error if isinstance(error, Refused) else f"it cannot be read ({error.strerror})"
                self._refuse(each.folder, f"{reason}; ask {each.student} to submit again")
            except coursehub_places.Refused as refusal:
                self._refuse(each.folder, str(refusal))
            else:
                self.log.info("Collected submission: %s %s", each.student, assignment)
        if self.refused:
            self.log.error("Refused %d of the submissions of '%s'; see above", self.refused, assignment)

    def _honest(self) -> Iterator[Submission]:
        names: dict[int, set[str]] = {}
        for uid, name in _people():
            names.setdefault(uid, set()).add(name)
        wanted = self.coursedir.student_id
        with os.scandir(self.inbound) as entries:
            for entry in entries:
                student, *rest = entry.name.split("+")
                if rest[:1] != [self.coursedir.assignment_id] or wanted not in ("", "*", student):
                    continue
                try:
                    yield _submission(entry, student, rest[1:], names)
                except Refused as refusal:
                    self._refuse(entry.name, str(refusal))

    def _refuse(self, folder: str, reason: str) -> None:
        self.refused += 1
        if self.refused <= TOLD:
            self.log.error("Refused the submission %r: %s", folder, reason)

    def _due(self) -> datetime | None:
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book, suppress(MissingEntry):
            due: datetime | None = book.find_assignment(self.coursedir.assignment_id).duedate
            return due
        return None

    def _replaces(self, each: Submission, destination: Path) -> bool:
        have = self.coursedir.get_existing_timestamp(str(destination))
        if self.update and (have is None or each.time > have):
            return True
        return bool(self.before_duedate and have != each.time)

    def _take(self, each: Submission, destination: Path) -> None:
        staging = destination.parent / f".collecting-{secrets.token_hex(8)}"
        made = staging / "new"
        try:
            OS.makedirs(made)
            with _folder(str(self.inbound)) as inbound, _folder(each.folder, inbound) as source:
                self._copy(source, made, Budget(MOST_FILES, 1000 * self.coursedir.max_dir_size), DEEPEST)
            _check_secret(made / "submission_secret.txt")
            # The folder's name decided which submission is the newest, and is a time for sure.
            time = made / "timestamp.txt"
            if time.is_dir():
                raise Refused("its timestamp.txt is a folder")
            with open_file(time, "w") as writing:
                writing.write(each.written)
            OS.chmod(time, 0o660)
            if destination.exists():
                OS.rename(destination, staging / "earlier")
            OS.rename(made, destination)
        finally:
            SHUTIL.rmtree(staging, ignore_errors=True)

    def _copy(self, source: int, destination: Path, budget: Budget, deep: int) -> None:
        if deep == 0:
            raise Refused(f"its folders are more than {DEEPEST} deep")
        OS.chmod(destination, 0o2770)
        with os.scandir(source) as entries:
            for entry in entries:
                budget.take(files=1)
                if any(fnmatch(entry.name, pattern) for pattern in self.coursedir.ignore):
                    continue
                if not entry.name.isprintable():
                    raise Refused(f"the name {entry.name!r} in it has characters that cannot be shown")
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    OS.mkdir(destination / entry.name)
                    with _folder(entry.name, source) as below:
                        self._copy(below, destination / entry.name, budget, deep - 1)
                elif stat.S_ISREG(mode):
                    _copy_file(source, entry.name, destination / entry.name, budget)
                else:
                    kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
                    raise Refused(f"{entry.name!r} in it is {kind}")


def _submission(entry: os.DirEntry[str], student: str, rest: list[str], names: dict[int, set[str]]) -> Submission:
    found = entry.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        raise Refused("it is no folder")
    owners = names.setdefault(found.st_uid, set())
    if student not in owners:
        with suppress(KeyError):
            owners.add(pwd.getpwuid(found.st_uid).pw_name)
    if not owners:
        raise Refused(
            f"it says that it is {student}'s, and its owner, uid {found.st_uid}, is not known; ask the administrators "
            "to run `coursehub storage ensure`, then collect again"
        )
    # A uid can have several names, and each of them is its own.
    if student not in owners:
        owner = " or ".join(sorted(owners))
        raise Refused(
            f"it says that it is {student}'s, but it belongs to {owner}; look into it: {owner} or an administrator can "
            "remove it"
        )
    named = _TIME.fullmatch("+".join(rest))
    try:
        time = stamped(named[1]) if named else None
    except (ValueError, OverflowError):
        time = None
    if named is None or time is None:
        raise Refused("its name does not say when it was submitted")
    return Submission(student, time, named[1], entry.name)


def _check_secret(secret: Path) -> None:
    if secret.is_file():
        with open_file(secret, "rb") as reading:
            if _SECRET.fullmatch(reading.read(200)):
                return
    raise Refused("its submission_secret.txt is not what nbgrader writes, so no feedback could be returned")


def _newest(found: list[Submission], due: datetime | None) -> Submission:
    in_time = [each for each in found if due is None or each.time <= due]
    return max(in_time or found, key=lambda each: each.time)


def _people() -> Iterator[tuple[int, str]]:
    with suppress(FileNotFoundError):
        for line in PEOPLE.read_text().splitlines():
            name, _, uid, *_ = [*line.split(":"), "", "", ""]
            if uid.isdecimal():
                yield int(uid), name


@contextmanager
def _folder(name: str, parent: int | None = None) -> Iterator[int]:
    held = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield held
    finally:
        os.close(held)


def _copy_file(source: int, name: str, destination: Path, budget: Budget) -> None:
    held = os.open(name, _FILE, dir_fd=source)
    with open(held, "rb") as reading:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{name!r} in it has become something else meanwhile")
        budget.take(size=found.st_size)
        left = found.st_size
        with open_file(destination, "xb") as writing:
            while left and (read := reading.read(min(left, 2**20))):
                left -= len(read)
                writing.write(read)
        OS.chmod(destination, 0o660)
