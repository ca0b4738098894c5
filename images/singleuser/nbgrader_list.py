"""nbgrader's list, which knows where an assignment lies, and shows due dates and times in the course's zone."""

import glob
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import nbgrader_cache
import nbgrader_times
from nbgrader.exchange.default import ExchangeList
from nbgrader.utils import get_username
from nbgrader_due import moment, span
from nbgrader_places import place
from nbgrader_told import Told


class List(ExchangeList):  # type: ignore[misc] # nbgrader is untyped
    """Lists what is released, and what was submitted with any version of the stamps."""

    def init_dest(self) -> None:
        """Leaves out what is no submission, which anybody can put there."""
        super().init_dest()
        if self.inbound or self.cached:
            self.assignments = [path for path in self.assignments if nbgrader_cache.named(Path(path))]

    def parse_assignment(self, assignment: str) -> dict[str, str]:
        """What the path says, as nbgrader has it."""
        path = Path(assignment)
        if found := nbgrader_cache.named(path) if self.inbound or self.cached else None:
            course = path.parents[1 if self.inbound else 0].name
            return {
                "course_id": course,
                "student_id": found.student,
                "assignment_id": found.assignment,
                "timestamp": found.time,
                "random_string": found.random,
            }
        return {"course_id": path.parents[1].name, "assignment_id": path.name}

    def parse_assignments(self) -> list[dict[str, Any]]:
        """All that is asked for, of what was submitted a student's oldest first."""
        self._known: dict[str, Told] = {}
        if not self.inbound and not self.cached:
            return [self._released(path) for path in self.assignments]
        found: list[dict[str, Any]] = super().parse_assignments()
        for group in found:
            for each in group["submissions"]:
                each["submitted"] = str(nbgrader_times.stamped(each["timestamp"]))
            group["submissions"].sort(key=lambda each: each["submitted"])
            *earlier, newest = group["submissions"]
            for each in group["submissions"]:
                time = datetime.fromisoformat(each["submitted"])
                late = self._told(each["course_id"]).due(each["assignment_id"], each["student_id"]).late(time)
                each["late"] = f"late by {span(late)}" if late else ""
                counts = "counts" if earlier and each is newest else ""
                each["timestamp"] = ", ".join(filter(None, (moment(time), each["late"], counts)))
        return found

    def format_outbound_assignment(self, info: dict[str, Any]) -> str:
        """A line of the command."""
        due = f", {info['due']}" if info["due"] else ""
        there = " (already downloaded)" if info["status"] == "fetched" else ""
        return f"{info['course_id']} {info['assignment_id']}{due}{there}"

    def _told(self, course: str) -> Told:
        if course not in self._known:
            self._known[course] = Told(Path(self.root, course), Path(self.cache, course))
        return self._known[course]

    def _released(self, path: str) -> dict[str, Any]:
        info: dict[str, Any] = self.parse_assignment(path)
        info["due"] = str(self._told(info["course_id"]).due(info["assignment_id"], get_username()))
        found = place(self, info["assignment_id"])
        fetched = found is not None and not found.why_not
        info["path"] = os.path.abspath(found.folder) if found and fetched else path
        info["status"] = "removed" if self.remove else "fetched" if fetched else "released"
        notebooks = sorted(glob.glob(os.path.join(glob.escape(info["path"]), "*.ipynb")))
        info["notebooks"] = [{"notebook_id": Path(each).stem, "path": os.path.abspath(each)} for each in notebooks]
        return info
