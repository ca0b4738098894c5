"""Extensions: which student has an assignment's due date later than the others.

/course has the list, and what it says wins: the gradebook, by which nbgrader counts what is late, follows it. There an
extension needs a submission, and one that nobody has handed in would be shown, counted and in the way of a new version
of the assignment. Where the list says nothing of a student, an extension that the gradebook has stays.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from coursehub_files import OS, open_file
from nbgrader.api import SubmittedAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader_alone import Busy, alone
from nbgrader_due import Dates, dumped, loaded
from nbgrader_whole import reason, replacing
from sqlalchemy import or_

LIST = ".extensions.json"
log = logging.getLogger("nbgrader.extensions")


def extensions(course: str) -> Mapping[str, Dates]:
    """The list: by assignment and student the moment, or None where an extension was taken back.

    Raises NbGraderException where the file holds something else.
    """
    path = os.path.join(course, LIST)
    try:
        with open_file(path, "rb") as reading:
            return {str(name): loaded(dates) for name, dates in json.load(reading).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        raise NbGraderException(
            f"{path} is not as `coursehub extend` writes it; move it away, and give the extensions in it again"
        ) from None


def give(course: str, assignment: str, students: Iterable[str], until: datetime | None) -> None:
    """From now on the list has this of the students; NbGraderException where it cannot be written."""
    try:
        with alone(course, LIST, log):
            found = dict(extensions(course))
            found[assignment] = {**found.get(assignment, {}), **dict.fromkeys(students, until)}
            with replacing(os.path.join(course, LIST)) as made:
                with open_file(made, "w") as writing:
                    json.dump({name: dumped(found[name]) for name in sorted(found)}, writing, indent=1)
                OS.chmod(made, 0o660)
    except (OSError, Busy) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise NbGraderException(f"Nothing was changed: {why}") from None


def given(book: Any, course: str, assignment: Any) -> Dates:
    """Each student's of an assignment of the gradebook's that is due: by the list, else by the gradebook."""
    found = book.db.query(SubmittedAssignment).filter(
        SubmittedAssignment.assignment_id == assignment.id, SubmittedAssignment.extension.isnot(None)
    )
    kept = {each.student_id: assignment.duedate + each.extension for each in found}
    return {**kept, **extensions(course).get(assignment.name, {})}


def carry(book: Any, course: str) -> None:
    """The gradebook's submissions have what the list says."""
    listed = extensions(course)
    for assignment in book.assignments:
        dates = listed.get(assignment.name, {})
        touched = book.db.query(SubmittedAssignment).filter(
            SubmittedAssignment.assignment_id == assignment.id,
            or_(SubmittedAssignment.student_id.in_([*dates]), SubmittedAssignment.extension.isnot(None)),
        )
        for each in touched:
            for name, value in _row(assignment.duedate, dates, each.student_id).items():
                setattr(each, name, value)
    book.db.commit()


def row(book: Any, course: str, assignment: str, student: str) -> dict[str, timedelta | None]:
    """What the gradebook is to have of the student's submission, beside the rest."""
    return _row(book.find_assignment(assignment).duedate, extensions(course).get(assignment, {}), student)


def _row(due: datetime | None, listed: Dates, student: str) -> dict[str, timedelta | None]:
    if due is None:
        # nbgrader would add it to a date that is not there.
        return {"extension": None}
    if student not in listed:
        return {}
    own = listed[student]
    return {"extension": own - due if own and own > due else None}
