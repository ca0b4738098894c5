"""python -m tests.bench.formgrader: how long Formgrader's pages take, of a class and of submissions as large as shown.

A class has handed in and is graded; then an instructor asks for what Formgrader's pages are made of, one after the
other, through proxy and server as a browser does. Prints a table in Markdown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
from coursehub import layout

from tests.e2e.assignment import COURSE
from tests.e2e.cluster import Installation
from tests.e2e.person import Person

from .alone import alone, teaching
from .measure import many, say

STUDENTS, CELLS, ROUNDS = many((200, 20, 5), smoke=(3, 2, 1))
# Seconds of any page.
MOST = 1.0
CLASS = Path(__file__).with_name("formgraders_class.py")
# Of a submission as large as it is shown, what it is full of.
LARGE = ("table", "markdown", "code", "text", "picture")


def measure(installation: Installation) -> str:
    """The table; some minutes."""
    with teaching(installation) as teacher:
        program = installation.share / layout.course_files(COURSE) / CLASS.name
        program.write_text(CLASS.read_text())
        words = (CLASS.name, STUDENTS, CELLS, *LARGE)
        made = teacher.terminal(f"cd /course && python3 -P -W ignore {' '.join(map(str, words))}", 600)
        assert made == "", made
        return "\n".join(_table(teacher))


def _table(teacher: Person) -> Iterator[str]:
    listed = _get(teacher, "api/submitted_notebooks/one/a").json()
    of = {each["student"]: each["id"] for each in listed}
    some = of[f"s{STUDENTS // 2:03}"]
    pages = {
        "the assignments": "api/assignments",
        "an assignment's submissions": "api/submissions/one",
        "a notebook's submissions": "api/submitted_notebooks/one/a",
        "the students": "api/students",
        "a student's submissions": "api/student_submissions/s000",
        f"a submission of {CELLS} cells": f"submissions/{some}/",
        "its scores": f"api/grades?submission_id={some}",
        "the next submission": f"submissions/{some}/next",
        "the next that failed a test": f"submissions/{some}/next_incorrect",
        **{f"a submission with as much of it as is shown: {what}": f"submissions/{of[what]}/" for what in LARGE},
    }
    yield "| | median | longest | n |"
    yield "|---|---|---|---|"
    longest = 0.0
    for name, path in pages.items():
        times = [_seconds(teacher, path) for _ in range(ROUNDS)]
        say(f"  {name}: {median(times):.2f} s")
        longest = max(longest, median(times))
        yield f"| {name} | {median(times):.2f} s | {max(times):.2f} s | {ROUNDS} |"
    yield ""
    yield f"Aimed at: at most {MOST:.0f} s each, which is {'kept' if longest <= MOST else 'missed'}."


def _seconds(teacher: Person, path: str) -> float:
    begin = time.perf_counter()
    _get(teacher, path)
    return time.perf_counter() - begin


def _get(teacher: Person, path: str) -> httpx.Response:
    answer = teacher.server("GET", f"/formgrader/{path}")
    assert answer.status_code in (200, 302), (path, answer.status_code, answer.text[-2000:])
    return answer


if __name__ == "__main__":
    sys.exit(alone(measure))
