"""Runs in an instructor's server: formgraders_class.py STUDENTS CELLS LARGE …: a class's graded work on one assignment.

Each of LARGE is a further student, whose notebook is full of that.
"""

import base64
import datetime
import json
import os
import sys
from importlib import import_module
from typing import Any

COURSE = os.environ["COURSEHUB_COURSE"]
STAMP = datetime.datetime(2026, 3, 1, 12)
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


def code(name: str, source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    more = {"outputs": list(outputs), "execution_count": 1, "metadata": metadata}
    return {"id": name, "cell_type": "code", "source": source, **more}


def text(name: str, source: str) -> dict[str, Any]:
    return {"id": name, "cell_type": "markdown", "source": source, "metadata": {}}


def shown(**data: str) -> dict[str, Any]:
    """An output; `html` is text/html, and so on."""
    kinds = {"html": "text/html", "png": "image/png"}
    return {"output_type": "display_data", "metadata": {}, "data": {kinds[name]: value for name, value in data.items()}}


def printed(what: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": what}


def answers(number: int, cells: int) -> list[dict[str, Any]]:
    """What a student has written: as many functions, each with a line of text before it and some output."""
    return [
        cell
        for each in range(cells)
        for cell in (
            text(f"m{each}", "Some *text* with $x^2$ and a [link](https://university.example).\n" * 5),
            code(
                f"c{each}",
                f"def f{each}(x):\n    return x * {number}\n\n\nf{each}(3)",
                printed("a line\n" * 20),
                nbgrader={
                    **{"schema_version": 3, "grade_id": f"c{each}", "points": 2, "checksum": "0" * 32},
                    **{"solution": True, "grade": True, "locked": False, "task": False, "cell_type": "code"},
                },
            ),
        )
    ]


def large(what: str) -> list[dict[str, Any]]:
    """Cells that are as large as Formgrader shows them."""
    row = f"<tr>{'<td>12.5</td>' * 10}</tr>"
    picture = base64.b64encode(os.urandom(7_400_000)).decode()
    return {
        "table": lambda: [code("x", "x", shown(html=f"<table class='dataframe'>{row * (99_000 // len(row))}</table>"))],
        "markdown": lambda: [text("x", "Some *text* with $x^2$, `code` and a [link](https://x.example).\n\n" * 1500)],
        "code": lambda: [code(f"x{n}", "x = f(1, 'abc') + [i for i in range(10)]  # c\n" * 1000) for n in range(6)],
        "text": lambda: [code(f"x{n}", "x", printed("hello <world> & so on\n" * 2200)) for n in range(6)],
        "picture": lambda: [code("x", "x", shown(png=picture))],
    }[what]()


def main() -> None:
    students, cells, kinds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    # Only the image has it.
    book = import_module("nbgrader.api").Gradebook("sqlite:////course/gradebook.db", COURSE)
    write("source", answers(0, cells))
    book.add_assignment("one")
    book.add_notebook("a", "one")
    for each in range(cells):
        book.add_grade_cell(f"c{each}", "a", "one", max_score=2, cell_type="code")
        book.add_solution_cell(f"c{each}", "a", "one")
        book.add_source_cell(f"c{each}", "a", "one", cell_type="code", source="x")
    work = {f"s{number:03}": answers(number, cells) for number in range(students)}
    for student, made in {**work, **{kind: answers(0, cells) + large(kind) for kind in kinds}}.items():
        book.add_student(student, last_name=f"Of {student}")
        submission = book.add_submission("one", student, timestamp=STAMP)
        for number, grade in enumerate(submission.notebooks[0].grades):
            grade.auto_score, grade.needs_manual_grade = number % 3, False
        for step in ("submitted", "autograded"):
            write(f"{step}/{student}", made)
    book.db.commit()
    book.close()


def write(folder: str, cells: list[dict[str, Any]]) -> None:
    os.makedirs(f"/course/{folder}/one")
    with open(f"/course/{folder}/one/a.ipynb", "w") as file:
        json.dump({"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}, file)
    with open(f"/course/{folder}/one/timestamp.txt", "w") as file:
        file.write(f"{STAMP:%Y-%m-%d %H:%M:%S.%f} UTC")


if __name__ == "__main__":
    main()
