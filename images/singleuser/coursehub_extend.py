"""Give students more time for an assignment, take that back, or list who has it.

The time is in the course's zone, unless it has a zone of its own. It counts for what is late and for what that costs,
and is in the student's own list of assignments, where nobody else reads it. Of whoever is graded already, autograde the
work anew: coursehub grade SLUG ASSIGNMENT --student STUDENT --again.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import nbgrader_times
from coursehub_shared import COURSE
from nbgrader.api import MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader_due import Due, moment
from nbgrader_extensions import give, given
from nbgrader_gradebook import of_course
from nbgrader_people import PEOPLE, people
from nbgrader_rules import shown
from nbgrader_told import EXCHANGE, tell
from sqlalchemy.exc import SQLAlchemyError

EXAMPLE = "'2026-12-24 12:00'"
UNSEEN = (
    " (it counts, but is not in their list yet: they have not opened that. Once they have, the next who collects, "
    "releases or runs `coursehub extend` puts it there)"
)
# Without a day or a time of day, it would be today, or the day's first minute.
_WHOLE = re.compile(r"\s*\d{4}-\d\d-\d\d[T ]+\d\d?:\d\d.*")


def arguments(parser: ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("assignment", metavar="ASSIGNMENT", nargs="?", help="without it: all extensions")
    listed = "login names, for --until and --remove; without them: the assignment's extensions"
    parser.add_argument("students", metavar="STUDENT", nargs="*", help=listed)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--until", metavar="TIME", help=f"the student's due date, as {EXAMPLE}")
    how.add_argument("--remove", action="store_true", help="the student's due date is everybody's again")


def run(asked: Namespace) -> int:
    """Raises NbGraderException with a sentence; nothing has changed then."""
    until = _until(asked.until) if asked.until else None
    changes = bool(asked.until or asked.remove)
    if changes and not asked.students:
        raise NbGraderException("say for whom: the students' login names, behind the assignment")
    if asked.students and not changes:
        raise NbGraderException(f"say until when, by --until {EXAMPLE}, or --remove")
    try:
        with of_course(asked.course) as book:
            wanted = [_found(book, asked.assignment)] if asked.assignment else book.assignments
            if changes:
                _check(wanted[0], asked.students, until)
                give(COURSE, wanted[0].name, asked.students, until)
            reached = tell(book, COURSE, Path(EXCHANGE, asked.course))
            lines = [line for each in wanted if each.duedate for line in _lines(book, each, asked.students, reached)]
    except SQLAlchemyError as error:
        raise NbGraderException(f"the gradebook cannot be read: {getattr(error, 'orig', error)}") from None
    print("\n".join(lines) or "Nobody has an extension.")
    return 0


def _until(written: str) -> datetime:
    try:
        time = nbgrader_times.meant(written) if _WHOLE.fullmatch(written) else None
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise NbGraderException(f"{written!r} is no day with a time; write both, as {EXAMPLE}")
    return time


def _found(book: Any, name: str) -> Any:
    try:
        return book.find_assignment(name)
    except MissingEntry:
        known = ", ".join(repr(each.name) for each in book.assignments) or "none"
        raise NbGraderException(f"there is no assignment {name!r} in the gradebook; there is: {known}") from None


def _check(assignment: Any, students: Iterable[str], until: datetime | None) -> None:
    listed = {name for _, name in people()}
    for unknown in sorted({*students} - listed if until else ()):
        raise NbGraderException(
            f"there is no {unknown!r} among the course's people ({PEOPLE}); write a login name. Who has never started "
            "the course may not be there yet: the administrators' `coursehub storage ensure` brings the list up to date"
        )
    if until and assignment.duedate is None:
        raise NbGraderException(
            f"{assignment.name!r} has no due date, so it is never late; set one in Formgrader first"
        )
    if until and until <= assignment.duedate:
        raise NbGraderException(
            f"{moment(until)} is not after the due date of {assignment.name!r}, {moment(assignment.duedate)}"
        )


def _lines(book: Any, assignment: Any, students: Iterable[str], reached: frozenset[str]) -> Iterator[str]:
    """The extensions of an assignment; of `students`, where there are any, whether they have one or not."""
    dates = given(book, COURSE, assignment)
    named = sorted({*students} or {student for student, until in dates.items() if until})
    if named:
        yield shown(f"{assignment.name}, due {moment(assignment.duedate)}")
    for student in named:
        due = Due(assignment.duedate, dates.get(student))
        yield shown(f"  {student}: {_state(due)}{'' if student in reached or not due.extended else UNSEEN}")


def _state(due: Due) -> str:
    if due.own is None:
        return "as everybody"
    return f"until {moment(due.own)}{'' if due.extended else ', which is no later'}"
