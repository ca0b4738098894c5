"""What Formgrader lists, asked for at once: nbgrader asks again for each student.

Over NFS each question to the gradebook locks it, and each file is a round trip or several: milliseconds.
"""

import os
from functools import partial
from typing import Any

from nbgrader.api import Assignment, MissingEntry, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.utils import temp_attrs
from sqlalchemy.orm import joinedload


def notebook_submissions(self: Any, notebook: str, assignment: str) -> list[Any]:
    """As nbgrader's, with whose each is."""
    whose = joinedload(SubmittedNotebook.assignment).joinedload(SubmittedAssignment.student)
    found = (
        self.db.query(SubmittedNotebook)
        .options(whose)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(Assignment, Assignment.id == Notebook.assignment_id)
        .filter(Notebook.name == notebook, Assignment.name == assignment)
    )
    return list(found.all())


def submission(self: Any, assignment_id: str, student_id: str, ungraded: Any = None, students: Any = None) -> Any:
    """As nbgrader's, which looks at everybody's for one."""
    if ungraded is not None:
        return _nbgraders_submission(self, assignment_id, student_id, ungraded, students)
    only = {
        "get_submitted_students": partial(_submitted, self, student_id),
        "get_autograded_students": partial(_autograded, self, student_id),
        "get_students": partial(_student, self, student_id),
    }
    with temp_attrs(self, **only):
        return _nbgraders_submission(self, assignment_id, student_id, None, students)


_nbgraders_submission = NbGraderAPI.get_submission


def _is_there(api: Any, step: str, student: str, assignment: str) -> bool:
    return os.path.isdir(api.coursedir.format_path(step, student_id=student, assignment_id=assignment))


def _submitted(api: Any, student: str, assignment: str) -> set[str]:
    return {student} if _is_there(api, api.coursedir.submitted_directory, student, assignment) else set()


def _autograded(api: Any, student: str, assignment: str) -> set[str]:
    """Graded is what was handed in last."""
    try:
        with api.gradebook as gradebook:
            graded = gradebook.find_submission(assignment, student).timestamp
    except MissingEntry:
        return set()
    if not _is_there(api, api.coursedir.autograded_directory, student, assignment):
        return set()
    return {student} if api.get_submitted_timestamp(assignment, student) == graded else set()


def _student(api: Any, student: str) -> list[Any]:
    found = api.get_student(student, submitted=set())
    return [found] if found else []
