"""Autograde an assignment's submissions, many at once.

Each is executed apart from this server, where it reaches nothing of yours, as many at once as there is room for. What
is graded and was not handed in anew since is passed over, so that a second run goes on where the first ended: after a
change of tests, dates or extensions say --again. Ctrl-C ends it: what is done stays done, and of what is not nothing
is changed. Exit code 1 where a submission was not graded.
"""

import glob
import json
import os
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import coursehub_runs
from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader_convert import End, whose
from nbgrader_many import at_once
from nbgrader_rules import last, shown

NO_RUNS = "nothing can be executed apart in this server; start the course anew, and tell your admins if that stays so"
NOTHING = "nothing of theirs was collected"
NO_NOTEBOOK = "there is no notebook in what was collected"
# Characters that are told of a submission's log, and of why it failed.
MOST_LOG, MOST_WHY = 20_000, 4000
ENDS = ("done", "unchanged", "failed", "cancelled")
# It is said of each submission with hidden tests.
USUAL = "Attribute 'checksum'"
Event = dict[str, Any]


class Grade(Autograde):  # type: ignore[misc] # nbgrader is untyped
    """nbgrader's step for what is asked. `say` gets each event as it happens.

    First comes how many submissions there are, as `of`; then whose (`student`), its `state`, and `why`: *asking*,
    *waiting*, *executing*, and with its `log` at last *done*, *unchanged*, *failed* or *cancelled*.
    """

    def __init__(self, assignment: str, students: frozenset[str], say: Callable[[Event], None], **more: Any) -> None:
        super().__init__(**more)
        self._assignment = assignment
        self._students = students
        self._say = say

    def init_notebooks(self) -> None:
        """What was collected; NbGraderException where that is nothing."""
        found = {path: os.path.basename(path) for path in glob.glob(self._format_source("*", "*"))}
        self._folders = {whose(self, path)[1]: path for path, name in found.items() if name == self._assignment}
        if not self._folders:
            others = ", ".join(sorted({repr(name) for name in found.values()}))
            there = f"there is work of {others}" if others else "collect it first"
            raise NbGraderException(f"nothing was collected of {self._assignment!r}; {there}")
        notebooks = f"{self.coursedir.notebook_id}.ipynb"
        every = {path: glob.glob(os.path.join(glob.escape(path), notebooks)) for path in self._folders.values()}
        self.assignments = {path: each for path, each in every.items() if each}

    def convert_notebooks(self) -> None:
        """Grades what is asked."""
        wanted = sorted(self._students or self._folders)
        self._say({"of": len(wanted)})
        paths = []
        for student in wanted:
            path = self._folders.get(student)
            if path in self.assignments:
                paths.append(path)
            else:
                self._ended(End(student, "failed", NO_NOTEBOOK if path else NOTHING))
        for end in at_once(self, paths, self._told):
            self._ended(end)

    def _told(self, student: str, state: str, why: str) -> None:
        self._say({"student": student, "state": state, "why": why})

    def _ended(self, end: End) -> None:
        self._say({"student": end.whose, "state": end.how, "why": end.why[-MOST_WHY:], "log": end.log[-MOST_LOG:]})


class Report:
    """What people read of it, or with `as_json` programs."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._of = 0
        self._ends: list[Event] = []

    def say(self, event: Event) -> None:
        """An event, as it happens."""
        self._of = event.get("of", self._of)
        if "log" in event:
            self._ends.append(event)
        if self._as_json:
            print(json.dumps(event), flush=True)
        else:
            print(shown("".join(self._lines(event))), end="", flush=True)

    def finish(self) -> int:
        """Says what became of all; the exit code."""
        counts = Counter(event["state"] for event in self._ends)
        bad = counts["failed"] + counts["cancelled"]
        if not self._as_json:
            print(f"Of {self._of}:", ", ".join(f"{counts[each]} {each}" for each in ENDS if counts[each]))
            for event in self._ends:
                if event["state"] == "failed":
                    print(shown(f"    {_line(event)}"))
            if counts["cancelled"]:
                print("The same command goes on with those that were cancelled.")
        return 1 if bad else 0

    def _lines(self, event: Event) -> Iterator[str]:
        if "of" in event:
            yield f"Submissions: {self._of}. Ctrl-C ends it, and what is done stays done.\n"
        elif "log" in event:
            yield f"{len(self._ends)} of {self._of}: {_line(event)}\n"
            warnings = (line.partition("| WARNING] ")[2] for line in event["log"].splitlines())
            yield from (f"    {text}\n" for text in warnings if text and not text.startswith(USUAL))
        elif event["state"] != "asking":
            yield f"{_line(event)}\n"


def _line(event: Event) -> str:
    text = f"{event['student']}: {event['state']}" + (f": {last(event['why'])}" if event["why"] else "")
    return text.replace("\n", " ")


def arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name in /course/source")
    parser.add_argument(
        "--student", action="append", default=[], metavar="S", help="this student's alone; can be said again"
    )
    parser.add_argument("--again", action="store_true", help="also what is graded and was not handed in anew")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each event, for programs")


def run(asked: Namespace) -> int:
    """Grades; NbGraderException, a sentence, where nothing can be."""
    if not coursehub_runs.are_possible():
        raise NbGraderException(NO_RUNS)
    report = Report(asked.json)
    app = AutogradeApp()
    app.initialize([])
    converter = Grade(
        asked.assignment, frozenset(asked.student), report.say, coursedir=app.coursedir, parent=app, force=asked.again
    )
    converter.start()
    return report.finish()
