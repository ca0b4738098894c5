"""Autograding of notebooks that somebody made to be graded otherwise, or not at all; runs as test_apart.py does."""
# ruff: noqa: S101, PT018  (plain scripts: no pytest in the image)

import copy
import json
import shutil
import sys
from collections.abc import Callable
from typing import Any

from test_apart import RUNS, as_anna, autograde, cell, cluster, collected, graded
from test_image import COURSE, main

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
TEST: dict[str, object] = {"grade": True, "locked": True}
Notebook = dict[str, Any]


def assignment() -> None:
    """An assignment with a cell of each kind, of which Clara has a wrong answer, and one for her teacher to read."""
    cells = [
        cell("square", "### BEGIN SOLUTION\nx = 9\n### END SOLUTION", solution=True),
        cell("test", "assert x == 9", **TEST, points=2),
        cell("by-hand", "### BEGIN SOLUTION\n1\n### END SOLUTION", grade=True, solution=True, points=3),
        cell("essay", "Why?", "markdown", grade=True, solution=True, points=4),
        cell("task", "Do it.", "markdown", task=True, locked=True, points=5),
    ]

    def wrong(cells: list[Any]) -> None:
        for index, source in enumerate(("x = 0", "assert x == 9", "'graded by hand'", "Because.")):
            cells[index]["source"] = source

    collected(KERNEL, {"clara": wrong}, cells)


def handed_in(**made: Callable[[Notebook], object]) -> None:
    """What Clara handed in, as others have changed it; bytes take the place of all of it."""
    honest = json.loads((COURSE / "submitted/clara/one/a.ipynb").read_text())
    for student, change in made.items():
        found = copy.deepcopy(honest)
        text = change(found)
        (COURSE / "other").write_bytes(text if isinstance(text, bytes) else json.dumps(found).encode())
        copying = "umask 007; cd submitted; mkdir $1; cp -r clara/one $1; cat ../other >$1/one/a.ipynb"
        as_anna(f"cd {COURSE}; {copying}", student)


def marked(index: int, **how: object) -> Callable[[Notebook], object]:
    """A cell's marks are changed."""
    return lambda found: found["cells"][index]["metadata"]["nbgrader"].update(how)


def f17_how_a_cell_is_graded_is_the_courses_to_say() -> None:
    """Whatever a student marks otherwise: the points are Clara's, and who reads the log sees it."""
    assignment()

    def twice(found: Notebook) -> None:
        found["cells"].insert(0, {**copy.deepcopy(found["cells"][1]), "id": "again", "source": "pass"})

    def another_kind(found: Notebook) -> None:
        attached = {"attachments": {"a.png": {"image/png": "AA=="}}}
        changed = {key: value for key, value in found["cells"][1].items() if key not in ("outputs", "execution_count")}
        found["cells"][1] = {**changed, **attached, "cell_type": "markdown"}

    handed_in(
        not_by_hand=marked(2, solution=False),
        by_hand=marked(1, solution=True),
        ungraded=marked(1, grade=False),
        unlocked=marked(1, locked=False),
        more_points=marked(1, points=100),
        no_points=marked(1, points=[]),
        graded=marked(0, grade=True, points=100),
        task=marked(4, task=False, grade=True),
        older=marked(1, schema_version="1"),
        skipped=lambda found: found["cells"][1]["metadata"].update(tags=["skip-execution"]),
        twice=twice,
        another_kind=another_kind,
        right=lambda found: found["cells"][0].update(source="x = 9"),
        none_of_it=lambda found: found["cells"].append(
            cell("none", "1", grade=True, points=9) | {"metadata": {"nbgrader": {"grade_id": ["none"], "grade": True}}}
        ),
    )
    with cluster():
        said = autograde()
    grades: dict[str, list[Any]] = {}
    for student, *grade in graded():
        grades.setdefault(student, []).append(grade)
    assert ["test", 2.0, False, 2.0] in grades.pop("right"), grades
    right = grades.pop("clara")
    assert ["test", 0.0, False, 2.0] in right and ["by-hand", None, True, 3.0] in right, right
    assert len(grades) == 13 and not {name: found for name, found in grades.items() if found != right}, grades
    assert said.count("was not marked as the assignment has it") == 6, said
    assert "Cell 'test' is not in the assignment, or twice in the notebook: it is not graded" in said, said

    submitted = COURSE / "submitted/right/one/a.ipynb"
    anew = json.loads(submitted.read_text())
    del anew["cells"][1]
    submitted.write_text(json.dumps(anew))
    with cluster():
        said = autograde("--force", "--student", "right")
    assert "Cell 'test' of the assignment is not in the notebook: it has no points" in said, said
    (test,) = [grade for student, *grade in graded() if student == "right" and grade[0] == "test"]
    assert test == ["test", None, False, 2.0], "an earlier submission's points were kept"


def f17_what_is_no_notebook_is_refused_in_a_sentence_before_anything_runs() -> None:
    assignment()

    def text(old: bytes, new: bytes) -> Callable[[Notebook], object]:
        return lambda found: json.dumps(found).encode().replace(old, new)

    minor = b'"nbformat_minor": 5'
    handed_in(
        nothing=lambda _: b"null",
        a_list=lambda _: b"[]",
        latin=text(b"Because", b"\xe4"),
        not_a_number=text(minor, b'"a": NaN, ' + minor),
        deep=text(minor, b'"a": ' + b"[" * 900 + b"]" * 900 + b", " + minor),
        deeper=text(minor, b'"a": ' + b"[" * 10**5 + b"]" * 10**5 + b", " + minor),
        values=text(minor, b'"a": [' + b"[]," * 4_000_000 + b"[]], " + minor),
        large=text(b"Because", b"x" * 2**26),
        unwritable=lambda found: found["cells"][3].update(source="\ud800"),
        five=text(b'"nbformat": 4', b'"nbformat": 5'),
        minor=text(minor, b'"nbformat_minor": "5"'),
        no_cells=lambda found: found.pop("cells"),
        a_number=lambda found: found["cells"].append(5),
        source=lambda found: found["cells"][0].update(source=[5]),
        kind=lambda found: found["cells"][0].update(cell_type="\x1b[31m"),
        metadata=lambda found: found["cells"][1].update(metadata=5),
        tags=lambda found: found["cells"][1]["metadata"].update(tags=7),
        language=lambda found: found["metadata"].update(language_info=5),
    )
    with cluster() as asked:
        said = autograde(check=False)
        assert asked.asked.count("PUT") == 1, "Clara's alone is executed"
    assert "Traceback" not in said and "\x1b[31m" not in said, said
    assert said.count("the notebook 'a.ipynb' cannot be graded: ") == 18, said
    assert [name for name, test, *_ in graded() if test == "test"], "Clara's is graded"
    assert [path.parent.name for path in COURSE.glob("autograded/*/one")] == ["clara"]


TESTS: tuple[Callable[[], None], ...] = (
    f17_how_a_cell_is_graded_is_the_courses_to_say,
    f17_what_is_no_notebook_is_refused_in_a_sentence_before_anything_runs,
)

if __name__ == "__main__":
    failed = main(TESTS)
    shutil.rmtree(RUNS, ignore_errors=True)
    sys.exit(failed)
