"""An assignment of the course data-analysis, and what its people do with it."""

import os
import shutil
from typing import Any

from coursehub import layout
from playwright.sync_api import Page

from .cluster import Installation
from .person import Person

COURSE = "data-analysis"
EXCHANGE = f"/srv/nbgrader/exchange/{COURSE}"
# Its students and its instructors, with their uids.
PEOPLE = {"ines": 20008, "tom": 20009, "peter": 20012, "otto": 20013}


def notebook(*cells: tuple[str, str, dict[str, object]]) -> dict[str, Any]:
    """A notebook of cells (id, source, what nbgrader says of it)."""

    def cell(name: str, source: str, grader: dict[str, object]) -> dict[str, Any]:
        flags = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
        return {
            **{"id": name, "cell_type": "code", "source": source, "outputs": [], "execution_count": None},
            "metadata": {"nbgrader": {**flags, "grade_id": name, **grader}},
        }

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return {"cells": [cell(*each) for each in cells], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


ASSIGNMENT = notebook(
    (
        "square",
        "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
        {"solution": True},
    ),
    (
        "test-square",
        "assert square(3) == 9\n### BEGIN HIDDEN TESTS\nassert square(17) == 289\n### END HIDDEN TESTS",
        {"grade": True, "locked": True, "points": 2},
    ),
    ("why", "### BEGIN SOLUTION\n# because\n### END SOLUTION", {"grade": True, "solution": True, "points": 3}),
)


def clear(installation: Installation) -> None:
    """Nothing is in the course's files, its gradebook and its exchange, and of nbgrader in its people's homes."""
    files, exchange = (installation.share / place(COURSE) for place in (layout.course_files, layout.exchange))
    book = installation.share / layout.gradebook(COURSE)
    for folder in (files, *(exchange / each for each in ("inbound", "outbound", "feedback"))):
        for path in folder.iterdir():
            if path != book:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    os.truncate(book, 0)
    for name, uid in PEOPLE.items():
        for left in (COURSE, "one", ".local/share/jupyter/nbgrader_cache"):
            shutil.rmtree(installation.share / layout.home(uid, name) / left, ignore_errors=True)


def put(person: Person, path: str, content: dict[str, Any]) -> None:
    answer = person.server("PUT", f"/api/contents{path}", {"type": "notebook", "format": "json", "content": content})
    assert answer.status_code in (200, 201), answer.text


def nbgrader(person: Person, command: str, seconds: float = 120) -> str:
    """What nbgrader says to somebody in a terminal, and that it came to its end."""
    where = "/course" if person.terminal("[ ! -d /course ] || echo teaches") else "~"
    said = person.terminal(f"cd {where}; nbgrader {command} 2>&1; echo exit=$?", seconds)
    assert said.endswith("exit=0"), said
    return said


def release(teacher: Person, *between: str) -> None:
    """Makes the assignment and hands it out; nbgrader is told `between` before that."""
    teacher.terminal("mkdir -p /course/source/one")
    put(teacher, "/course/source/one/a.ipynb", ASSIGNMENT)
    for command in ("generate_assignment one", *between, "release_assignment one"):
        nbgrader(teacher, command)


def scores(teacher: Person, assignment: str = "one") -> dict[str, float]:
    """What the gradebook has of each student, by Formgrader."""
    listed = teacher.server("GET", f"/formgrader/api/submissions/{assignment}").json()
    return {each["student"]: each["code_score"] for each in listed if each["autograded"]}


def solve(student: Person, answer: str) -> None:
    path = f"/home/{student.name}/{COURSE}/one/a.ipynb"
    content = student.server("GET", f"/api/contents{path}").json()["content"]
    content["cells"][0]["source"] = f"def square(x):\n    return {answer}"
    content["cells"][2]["source"] = f"# {student.name} says why"
    put(student, path, content)


def submission_of_tom(installation: Installation, page: Page) -> str:
    """The id of Tom's submission, asked by the browser of Otto."""
    answer = page.goto(f"{installation.server('otto')}/formgrader/api/submitted_notebooks/one/a")
    assert answer
    (identifier,) = [each["id"] for each in answer.json() if each["student"] == "tom"]
    return str(identifier)
