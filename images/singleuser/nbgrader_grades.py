"""The gradebook's grades, read in a few questions whatever its size, and what they still lack."""

import math
import os
from collections.abc import Iterator
from typing import Any

from coursehub_files import listdir, open_file
from coursehub_shared import COURSE
from coursehub_sheets import Assignment, Book, Student, Work, named
from nbgrader.api import Assignment as Assigned
from nbgrader.api import Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters.base import NbGraderException
from nbgrader_gradebook import of_course as gradebook_of
from nbgrader_gradebook import read_as_one
from nbgrader_rules import shown
from sqlalchemy import Integer, cast, func
from sqlalchemy.exc import SQLAlchemyError

# Bytes of a timestamp.txt that say which it is.
_LONGEST = 100


def read(gradebook: Gradebook) -> Book:
    """All that nbgrader has; NbGraderException where it is not what nbgrader writes."""
    try:
        read_as_one(gradebook.db)
        assignments = tuple(Assignment(each.name, each.duedate, _points(each)) for each in gradebook.assignments)
        students = tuple(
            Student(each.id, *(part or "" for part in (each.last_name, each.first_name, each.email, each.lms_user_id)))
            for each in gradebook.students
        )
        return Book(students, assignments, _works(gradebook.db))
    except (SQLAlchemyError, ValueError, TypeError) as error:
        raise _unreadable("read", error) from None


def of_course(course: str) -> Book:
    """The grades of the course whose server this is."""
    try:
        with gradebook_of(course) as gradebook:
            return read(gradebook)
    except SQLAlchemyError as error:
        raise _unreadable("opened", error) from None


def collected() -> Iterator[tuple[str, str, str]]:
    """Whose work on which assignment the course has, and in which folder, by login and by assignment."""
    submitted = os.path.join(COURSE, "submitted")
    for student in _names(submitted):
        for assignment in _names(os.path.join(submitted, student)):
            yield student, assignment, os.path.join(submitted, student, assignment)


def lacking(book: Book) -> list[str]:
    """A sentence for each kind of work whose points are not its last ones, with whose it is."""
    names = {each.name for each in book.assignments}
    by_hand = [key for key, work in book.works.items() if work.waits and key[0] in names]
    not_yet, before = [], []
    for student, assignment, folder in collected():
        if assignment in names:
            # The gradebook has a line from when autograding begins; the folder is there once that has succeeded.
            made = os.path.join(COURSE, "autograded", student, assignment)
            if (assignment, student) not in book.works or not os.path.isdir(made):
                not_yet.append((assignment, student))
            elif _stamp(folder) != _stamp(made):
                before.append((assignment, student))
    kinds = (
        ("waiting for manual grading", by_hand),
        ("collected, but not autograded", not_yet),
        ("collected again since it was autograded", before),
    )
    return [f"{len(found)} {what}: {_listed(found)}" for what, found in kinds if found]


def _unreadable(what: str, error: Exception) -> NbGraderException:
    return NbGraderException(shown(f"The gradebook cannot be {what}: {getattr(error, 'orig', error)}"))


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise NbGraderException(f"{folder!r} cannot be read ({error.strerror})") from None


def _works(db: Any) -> dict[tuple[str, str], Work]:
    of = SubmittedNotebook.assignment_id
    penalties = dict(db.query(of, func.sum(SubmittedNotebook.late_submission_penalty)).group_by(of).all())
    by_hand = func.max(cast(Grade.needs_manual_grade, Integer))
    sums = db.query(of, func.sum(Grade.score), by_hand).join(Grade).group_by(of)
    scores = {one: (raw, bool(waits)) for one, raw, waits in sums}
    submissions = db.query(
        SubmittedAssignment.id, SubmittedAssignment.timestamp, SubmittedAssignment.student_id, Assigned.name
    ).join(Assigned)
    found = {}
    for one, time, student, assignment in submissions:
        raw, waits = scores.get(one, (0.0, False))
        work = Work(time, float(raw or 0), float(penalties.get(one) or 0), waits)
        if not math.isfinite(work.raw - work.penalty):
            raise ValueError(f"the points of {named(student)} in {assignment!r} are no number")
        found[assignment, student] = work
    return found


def _points(assignment: Any) -> float:
    points = float(assignment.max_score)
    if not math.isfinite(points):
        raise ValueError(f"the points of {assignment.name!r} are no number")
    return points


def _stamp(folder: str) -> bytes:
    try:
        with open_file(os.path.join(folder, "timestamp.txt"), "rb") as reading:
            return bytes(reading.read(_LONGEST))
    except FileNotFoundError:
        return b""


def _listed(found: list[tuple[str, str]]) -> str:
    whose: dict[str, list[str]] = {}
    for assignment, student in sorted(found):
        whose.setdefault(assignment, []).append(named(student))
    return "; ".join(f"{assignment!r} of {', '.join(logins)}" for assignment, logins in whose.items())
