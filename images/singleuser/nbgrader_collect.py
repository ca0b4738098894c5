"""nbgrader's collect, taking only what a submission's student owns, and of it only plain files within bounds.

A submission stays its student's to change while it is collected. So no link is ever followed, every step is taken from
an open directory, and what was checked is what is copied; one that is refused leaves nothing and stops no other,
neither another student's nor an earlier one of the same.
"""

import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import coursehub_places
from coursehub_carry import LIST, opened
from coursehub_files import OS, SHUTIL, open_file
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange.default import ExchangeCollect
from nbgrader_alone import Busy, alone
from nbgrader_due import Dates, Due
from nbgrader_extensions import given
from nbgrader_people import people
from nbgrader_receipt import TO_READ
from nbgrader_rules import Budget, Refused
from nbgrader_set_aside import set_aside
from nbgrader_times import STAMP, stamped
from nbgrader_told import tell
from nbgrader_walk import Entry, walk

TOLD = 20
# So many of a student's submissions are looked at for one that can be taken; each takes a while.
TRIES = 20
# Behind the student and the assignment; the time's zone can begin with another +.
_TIME = re.compile(rf"({STAMP})(\+[^+]*)?")
_NO_TIME = "its name does not say when it was submitted"
_SECRET = re.compile(rb"[0-9a-f]{128}")


@dataclass(frozen=True)
class Submission:
    """A folder of inbound whose owner is the student that its name says; `written` is the time as the name has it."""

    student: str
    time: datetime
    written: str
    folder: str


class Collect(ExchangeCollect):  # type: ignore[misc] # nbgrader is untyped
    """Collects what is honest, and says at the level of errors what it refused and why."""

    def init_src(self) -> None:
        """Puts each student's submissions in order: the newest first, or with `before_duedate` those in time before."""
        if not self.coursedir.course_id:
            self.fail("No course id specified. Re-run with --course flag.")
        self.inbound = Path(self.root) / self.coursedir.course_id / "inbound"
        if not os.access(self.inbound, os.R_OK | os.X_OK):
            self.fail(f"The submissions in {self.inbound} are not there, or not yours to read.")
        self.refused = 0
        self.set_aside = set_aside(self.coursedir.root)
        found: dict[str, list[Submission]] = {}
        for each in self._honest():
            found.setdefault(each.student, []).append(each)
        due = self._due()
        self.found = [_in_order(found[student], due(student)) for student in sorted(found)]

    def copy_files(self) -> None:
        """Copies of each student the first that can be taken, where it is not there yet."""
        assignment = self.coursedir.assignment_id
        if not self.found:
            self.log.warning("No submissions of '%s' to collect", assignment)
        for theirs in self.found:
            try:
                with alone(self.coursedir.root, theirs[0].student, self.log):
                    self._collect(theirs)
            except Busy as busy:
                self._refuse(theirs[0].folder, str(busy))
        if self.refused:
            self.log.error("Refused %d of the submissions of '%s'; see above", self.refused, assignment)
            self.log.info("`nbgrader set_aside` with the name of one has it passed over")

    def _collect(self, theirs: list[Submission]) -> None:
        student, assignment = theirs[0].student, self.coursedir.assignment_id
        destination = Path(self.coursedir.format_path(self.coursedir.submitted_directory, student, assignment))
        for number, each in enumerate(theirs[:TRIES]):
            if destination.is_dir() and not self._replaces(each, destination):
                self.log.info("No newer submission to collect: %s %s", student, assignment)
                return
            try:
                self._take(each, destination)
            except (Refused, OSError) as error:
                why = error if isinstance(error, Refused) else f"it cannot be read ({error.strerror})"
                self._refuse(each.folder, f"{why}; ask {student} to submit again")
            except coursehub_places.Refused as refusal:
                self._refuse(each.folder, str(refusal))
                return
            else:
                older = f", of {each.written}, as what is newer was refused" if number else ""
                self.log.info("Collected submission: %s %s%s", student, assignment, older)
                return
        if len(theirs) > TRIES:
            self.log.error("Of %s only the newest %d submissions were looked at", student, TRIES)

    def _honest(self) -> Iterator[Submission]:
        names: dict[int, set[str]] = {}
        for uid, name in people():
            names.setdefault(uid, set()).add(name)
        wanted = self.coursedir.student_id
        with os.scandir(self.inbound) as entries:
            for entry in entries:
                student, *rest = entry.name.split("+")
                if entry.name in self.set_aside:
                    self.log.info("Passed over %r, which is set aside", entry.name)
                    continue
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

    def _due(self) -> Callable[[str], datetime | None]:
        """Before when each student's come first; None where the newest does."""
        own: Dates = {}
        general = None
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book, suppress(MissingEntry):
            tell(book, self.coursedir.root, self.inbound.parent)
            assignment = book.find_assignment(self.coursedir.assignment_id)
            if self.before_duedate and assignment.duedate:
                general = assignment.duedate
                try:
                    own = given(book, self.coursedir.root, assignment)
                except NbGraderException as error:
                    self.fail(str(error))
        return lambda student: Due(general, own.get(student)).time

    def _replaces(self, each: Submission, destination: Path) -> bool:
        have = self.coursedir.get_existing_timestamp(str(destination))
        if self.update and have in self._times_set_aside(each.student):
            return True
        if self.update and (have is None or each.time > have):
            return True
        return bool(self.before_duedate and have != each.time)

    def _times_set_aside(self, student: str) -> Iterator[datetime]:
        for name in self.set_aside:
            whose, assignment, time, *_ = [*name.split("+"), "", ""]
            if (whose, assignment) == (student, self.coursedir.assignment_id):
                with suppress(Refused):
                    yield _time(time)

    def _take(self, each: Submission, destination: Path) -> None:
        staging = destination.parent / ".collecting"
        made = staging / "new"
        # Of somebody's that was cut off.
        SHUTIL.rmtree(staging, ignore_errors=True)
        try:
            with opened(self.inbound, LIST) as inbound, opened(each.folder, LIST, inbound) as source:
                # What can be seen to be wrong is not copied; what is copied can have changed meanwhile.
                self._go_through(source, None)
                OS.makedirs(staging)
                self._go_through(source, made)
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

    def _go_through(self, source: int, destination: Path | None) -> None:
        """Copies what the open folder holds; without a destination it only looks. Raises Refused."""
        budget = Budget(1000 * self.coursedir.max_dir_size)
        if destination:
            _make(destination)
        for entry in walk(source, budget, self.coursedir.ignore):
            if not destination:
                budget.take(size=0 if entry.is_folder else entry.found.st_size)
            elif entry.is_folder:
                _make(destination / entry.path)
            else:
                _copy_file(entry, destination / entry.path, budget)


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
    if named is None:
        raise Refused(_NO_TIME)
    return Submission(student, _time(named[1]), named[1], entry.name)


def _time(written: str) -> datetime:
    try:
        time = stamped(written) if re.fullmatch(STAMP, written) else None
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise Refused(_NO_TIME)
    return time


def _check_secret(secret: Path) -> None:
    if secret.is_file():
        with open_file(secret, "rb") as reading:
            if _SECRET.fullmatch(reading.read(200)):
                return
    raise Refused("its submission_secret.txt is not what nbgrader writes, so no feedback could be returned")


def _in_order(found: list[Submission], due: datetime | None) -> list[Submission]:
    return sorted(found, key=lambda each: (due is None or each.time <= due, each.time), reverse=True)


def _make(folder: Path) -> None:
    OS.mkdir(folder)
    OS.chmod(folder, 0o2770)


def _copy_file(source: Entry, destination: Path, budget: Budget) -> None:
    held = os.open(source.name, TO_READ, dir_fd=source.above)
    with open(held, "rb") as reading:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{source.path!r} in it has become something else meanwhile")
        budget.take(size=found.st_size)
        left = found.st_size
        with open_file(destination, "xb") as writing:
            while left and (read := reading.read(min(left, 2**20))):
                left -= len(read)
                writing.write(read)
        OS.chmod(destination, 0o660)
