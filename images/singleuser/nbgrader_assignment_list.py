"""nbgrader's assignment list, which tells a student in a sentence what did not work, and what was submitted.

nbgrader's answers with a list as if it had fetched, or with a traceback, or without a word.
"""

import shlex
from typing import Any

from jupyter_server.serverapp import ServerApp
from nbgrader.server_extensions import assignment_list
from nbgrader.server_extensions.assignment_list import handlers
from nbgrader_rules import sentence


class Assignments(handlers.AssignmentList):  # type: ignore[misc] # nbgrader is untyped
    """What the panel asks for."""

    failure: dict[str, Any] | None = None
    submitted: str | None = None

    def fetch_assignment(self, course_id: str, assignment_id: str) -> dict[str, Any]:
        """Fetches, and keeps what went wrong for the list that is asked for right after."""
        self.failure = done = _told(super().fetch_assignment(course_id, assignment_id))
        return done

    def fetch_feedback(self, course_id: str, assignment_id: str) -> dict[str, Any]:
        """Fetches, and keeps what went wrong for the list that is asked for right after."""
        self.failure = done = _told(super().fetch_feedback(course_id, assignment_id))
        return done

    def submit_assignment(self, course_id: str, assignment_id: str) -> dict[str, Any]:
        """Submits, and keeps what was submitted for the list that is asked for right after."""
        done = _told(super().submit_assignment(course_id, assignment_id))
        self.submitted = assignment_id if done["success"] else None
        return done

    def list_submitted_assignments(self, course_id: str | None = None) -> dict[str, Any]:
        """nbgrader's, which puts the times in order as they are written: not so where the clocks go back."""
        listed: dict[str, Any] = super().list_submitted_assignments(course_id)
        for each in listed["value"] if listed["success"] else ():
            each["submissions"].sort(key=lambda submission: submission["submitted"])
        return listed

    def list_assignments(self, course_id: str | None = None) -> dict[str, Any]:
        """The list, or why there is none; after a submit it says in `said` when that was."""
        failure, self.failure = self.failure, None
        submitted, self.submitted = self.submitted, None
        if failure and not failure["success"]:
            return failure
        listed: dict[str, Any] = super().list_assignments(course_id)
        for each in listed["value"] if listed["success"] and submitted else ():
            if each["status"] == "submitted" and each["assignment_id"] == submitted:
                listed["said"] = _receipt(each["submissions"][-1])
        return listed


def load_jupyter_server_extension(app: ServerApp) -> None:
    """nbgrader's, with the sentences."""
    handlers.AssignmentList = Assignments
    assignment_list.load_jupyter_server_extension(app)


def _receipt(submission: dict[str, Any]) -> str:
    course, name = submission["course_id"], submission["assignment_id"]
    costs = " What being late costs is your course's rule." if submission["late"] else ""
    ask = f"coursehub receipt {course} {shlex.quote(name)}"
    return f"{name}: {submission['timestamp']}.{costs} `{ask}` in a terminal shows what you handed in."


def _told(done: dict[str, Any]) -> dict[str, Any]:
    return done if done["success"] else {**done, "value": sentence(str(done.get("value", "")))}
