"""Where nbgrader does otherwise here: functions of its that ours take the place of, in all of this process."""

import os
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import nbgrader_extensions
import nbgrader_fetch_feedback
import nbgrader_generate
import nbgrader_lists
import nbgrader_times
import nbgrader_told
from coursehub_shared import COURSE
from nbgrader import coursedir, utils
from nbgrader.api import Gradebook
from nbgrader.apps import api, zipcollectapp
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.exchange.abc import Exchange
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeFetchFeedback, ExchangeSubmit
from nbgrader.preprocessors import ClearSolutions
from nbgrader.server_extensions.formgrader import handlers
from nbgrader_places import place, told


def make() -> None:
    """All of them."""
    Exchange.set_timestamp = _set_timestamp
    api.NbGraderAPI.get_submitted_timestamp = _submitted
    coursedir.parse_utc = api.parse_utc = nbgrader_times.stamped
    utils.parse_utc = zipcollectapp.parse_utc = nbgrader_times.meant
    utils.as_timezone = api.as_timezone = nbgrader_times.shown
    # Formgrader offers the zone itself: its offset of today is not that of every due date.
    api.to_numeric_tz = handlers.to_numeric_tz = str
    coursedir.CourseDirectory.format_path = _format_path
    ExchangeFetchAssignment.init_dest = _fetch_to
    ExchangeFetchFeedback.init_src = nbgrader_fetch_feedback.init_src
    ExchangeSubmit.init_src = _submit_from
    GenerateAssignment.init_notebooks = nbgrader_generate.init_notebooks
    ClearSolutions.preprocess = nbgrader_generate.clear_solutions
    GenerateFeedback._exporter_class_default = lambda _: import_module("nbgrader_pages").Feedback
    Gradebook.notebook_submissions = nbgrader_lists.notebook_submissions
    api.NbGraderAPI.get_submission = nbgrader_lists.submission
    Gradebook.update_or_create_assignment = _update_or_create_assignment
    Gradebook.update_or_create_submission = _update_or_create_submission


def _set_timestamp(self: Any) -> None:
    self.timestamp = nbgrader_times.now()


def _submitted(self: Any, assignment: str, student: str) -> Any:
    """As nbgrader's, which fails for everybody's where a colleague collects one's anew in that moment."""
    with suppress(FileNotFoundError):
        return _nbgraders_submitted(self, assignment, student)
    return None


def _format_path(self: Any, step: str, student_id: str, assignment_id: str, escape: bool = False) -> str:
    """As nbgrader's, which takes a name for a pattern where it makes one: of `Lab (1)` it would find nothing again."""
    if escape:
        student_id, assignment_id = (
            part if part == ".*" or part.startswith("(?P<") else re.escape(part) for part in (student_id, assignment_id)
        )
    path: str = _nbgraders_format_path(self, step, student_id, assignment_id, escape)
    return path


def _fetch_to(self: Any) -> None:
    course, name = self.coursedir.course_id, self.coursedir.assignment_id
    found = place(self, name)
    above = Path(self.assignment_dir, course)
    if os.path.lexists(above) and not above.is_dir():
        self.fail(f"Nothing was fetched: ~/{course} is no folder, and the course's assignments go there; rename it.")
    if found and found.why_not:
        self.log.warning("Fetched beside what is there: %s", told(found, course))
    self.path_includes_course = found is None or found.in_course or bool(found.why_not)
    # Feedback can be there already.
    self.replace_missing_files = self.replace_missing_files or found is None
    _nbgraders_fetch_to(self)


def _submit_from(self: Any) -> None:
    course = self.coursedir.course_id
    name = self.coursedir.assignment_id = os.path.basename(os.path.normpath(self.coursedir.assignment_id))
    login = utils.get_username() if self.coursedir.student_id == "*" else self.coursedir.student_id
    if not nbgrader_generate.fits(login, name):
        self.fail(
            "Nothing was submitted: the name of the assignment is too long. Tell your teacher: "
            f"{nbgrader_generate.LONGEST} bytes are possible."
        )
    found = place(self, name)
    if found and found.why_not:
        self.fail(f"Nothing was submitted: {told(found, course)}, then submit again. Else fetch the assignment.")
    self.path_includes_course = found is None or found.in_course
    _nbgraders_submit_from(self)


def _update_or_create_assignment(self: Any, name: str, **more: Any) -> Any:
    made = _nbgraders_update_or_create_assignment(self, name, **more)
    if "duedate" in more:
        nbgrader_told.tell(self, COURSE, Path(nbgrader_told.EXCHANGE, os.environ.get("COURSEHUB_COURSE", "")))
    return made


def _update_or_create_submission(self: Any, assignment: str, student: str, **more: Any) -> Any:
    extended = nbgrader_extensions.row(self, COURSE, assignment, student)
    return _nbgraders_update_or_create_submission(self, assignment, student, **more, **extended)


_nbgraders_update_or_create_assignment = Gradebook.update_or_create_assignment
_nbgraders_update_or_create_submission = Gradebook.update_or_create_submission
_nbgraders_submitted = api.NbGraderAPI.get_submitted_timestamp
_nbgraders_format_path = coursedir.CourseDirectory.format_path
_nbgraders_fetch_to = ExchangeFetchAssignment.init_dest
_nbgraders_submit_from = ExchangeSubmit.init_src
