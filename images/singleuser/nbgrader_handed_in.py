"""What somebody handed in, before it is graded: a notebook within bounds, whose marks are those of the assignment.

nbgrader has the text of locked cells from the gradebook. But whether a cell is graded by its output, by hand or not at
all, and whether it is executed, it takes from the notebook, where its student can have changed that.
"""

import json
import os
from typing import Any

import nbformat
from coursehub_carry import MOST_RESULT, Ended
from coursehub_files import open_file
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.nbgraderformat import SCHEMA_VERSION
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.preprocessors.base import NbGraderPreprocessor
from nbgrader_json import parsed, refuse

DEEPEST, LONGEST_WHY = 100, 200
# What decides how a cell is graded; nbgrader says itself where another part was changed.
_DECIDES = ("grade", "solution", "task")
# By one of them nbconvert passes a cell over, and a test that does not run has not failed.
_TAGS = "tags"


class Restored(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader is untyped
    """Has each cell of the assignment be marked as the gradebook says, and no other cell count as one."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Says at the level of warnings what was marked otherwise."""
        whose = resources["nbgrader"]
        with Gradebook(whose["db_url"]) as book:
            marks = _marks(book.find_notebook(whose["notebook"], whose["assignment"]))
        # Of several with one id nbgrader takes the last.
        for cell in reversed(nb.cells):
            said = cell.metadata.pop("nbgrader", None)
            name = said.get("grade_id") if isinstance(said, dict) else None
            mark = marks.pop(name, None) if isinstance(name, str) else None
            if mark:
                self._restore(cell, said, mark)
            elif name:
                self.log.warning("Cell %r is not in the assignment, or twice in the notebook: it is not graded", name)
        return nb, resources

    def _restore(self, cell: Any, said: dict[str, Any], mark: dict[str, Any]) -> None:
        cell.metadata["nbgrader"] = mark
        tags = cell.metadata.pop(_TAGS, None) if mark["grade"] else None
        if tags or any(said.get(part, False) != mark[part] for part in _DECIDES):
            self.log.warning("Cell %r was not marked as the assignment has it, and is again", mark["grade_id"])
        if mark["cell_type"] == "code":
            cell.pop("attachments", None)


class Save(SaveAutoGrades):  # type: ignore[misc] # nbgrader is untyped
    """nbgrader's, which leaves what an earlier submission got to a cell that this one has not."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Points by hand stay, to be looked at again, as they do for all that is submitted anew."""
        done: tuple[Any, Any] = super().preprocess(nb, resources)
        there = {cell.metadata.nbgrader.grade_id for cell in nb.cells if "nbgrader" in cell.metadata}
        with Gradebook(self.db_url) as book:
            submitted = book.find_submission_notebook(self.notebook_id, self.assignment_id, self.student_id)
            for grade in submitted.grades:
                if grade.name not in there:
                    self.log.warning("Cell %r of the assignment is not in the notebook: it has no points", grade.name)
                    grade.auto_score, grade.needs_manual_grade = None, grade.manual_score is not None
            book.db.commit()
        return done


def _marks(notebook: Any) -> dict[str, dict[str, Any]]:
    """By the ids of a notebook's cells in the gradebook what they have as nbgrader's metadata."""
    points = {each.name: each.max_score for each in (*notebook.grade_cells, *notebook.task_cells)}
    kinds = (notebook.grade_cells, notebook.solution_cells, notebook.task_cells)
    names = [{each.name for each in cells} for cells in kinds]
    return {
        each.name: {
            "grade_id": each.name,
            "schema_version": SCHEMA_VERSION,
            "cell_type": each.cell_type,
            "checksum": each.checksum,
            "locked": each.locked,
            **{part: each.name in those for part, those in zip(_DECIDES, names, strict=True)},
            **({"points": points[each.name]} if each.name in points else {}),
        }
        for each in notebook.source_cells
    }


def check(path: str) -> None:
    """NbGraderException, a sentence, where the file is no notebook that can be graded."""
    try:
        with open_file(path, "rb") as reading:
            data = reading.read(MOST_RESULT + 1)
        if len(data) > MOST_RESULT:
            refuse(f"it is larger than {MOST_RESULT // 2**20} MiB")
        found = parsed(data)
        _check_depth(found, DEEPEST)
        _check_form(found, data.decode())
    except Ended as ended:
        raise NbGraderException(f"the notebook {os.path.basename(path)!r} cannot be graded: {ended}") from None


def _check_form(found: Any, text: str) -> None:
    try:
        json.dumps(found, ensure_ascii=False).encode()
        notebook = nbformat.reads(text, as_version=4)
        # Nothing asks what is cleared.
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.validate(notebook, relax_add_props=True)
    except UnicodeEncodeError:
        refuse("it has characters that cannot be written")
    except Exception as error:  # noqa: BLE001  (of what somebody handed in, anything can be wrong)
        why = " ".join(str(error).split())[:LONGEST_WHY]
        refuse(f"it is not as notebooks are ({why or type(error).__name__})")


def _check_depth(value: Any, left: int) -> None:
    if not left:
        refuse("its values are too deep in each other")
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth(each, left - 1)
