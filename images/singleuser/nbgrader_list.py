"""nbgrader's list, which knows where an assignment lies, and shows times in the course's zone."""

import glob
import os
from pathlib import Path
from typing import Any

import nbgrader_cache
import nbgrader_times
from nbgrader.exchange.default import ExchangeList
from nbgrader_places import place


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
        if not self.inbound and not self.cached:
            return [self._released(path) for path in self.assignments]
        found: list[dict[str, Any]] = super().parse_assignments()
        for group in found:
            for each in group["submissions"]:
                each["time"] = nbgrader_times.stamped(each["timestamp"])
            group["submissions"].sort(key=lambda each: each["time"])
            for each in group["submissions"]:
                each["timestamp"] = nbgrader_times.shown(each.pop("time")).strftime(nbgrader_times.SHOWN)
        return found

    def format_outbound_assignment(self, info: dict[str, Any]) -> str:
        """A line of the command."""
        there = " (already downloaded)" if info["status"] == "fetched" else ""
        return f"{info['course_id']} {info['assignment_id']}{there}"

    def _released(self, path: str) -> dict[str, Any]:
        info: dict[str, Any] = self.parse_assignment(path)
        found = place(self, info["assignment_id"])
        fetched = found is not None and not found.why_not
        info["path"] = os.path.abspath(found.folder) if found and fetched else path
        info["status"] = "removed" if self.remove else "fetched" if fetched else "released"
        notebooks = sorted(glob.glob(os.path.join(glob.escape(info["path"]), "*.ipynb")))
        info["notebooks"] = [{"notebook_id": Path(each).stem, "path": os.path.abspath(each)} for each in notebooks]
        return info
