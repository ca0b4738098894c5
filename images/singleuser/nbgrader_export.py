"""nbgrader's export of grades: its table as `coursehub grades export` writes it, so no cell of it is a formula."""

import sys
from typing import Any

import nbgrader_grades
from coursehub_files import open_file
from coursehub_output import output
from coursehub_sheets import spreadsheet, written
from nbgrader.converters.base import NbGraderException
from nbgrader.plugins import ExportPlugin


class Export(ExportPlugin):  # type: ignore[misc] # nbgrader is untyped
    """An earlier file stays until the new one is whole. Who handed in nothing has 0 points, as nbgrader has it."""

    def export(self, gradebook: Any) -> None:
        """Ends the process with a sentence where the file cannot be written."""
        try:
            book = nbgrader_grades.read(gradebook)
            book = book.of(
                map(str, self.assignment) if self.assignment else (each.name for each in book.assignments),
                map(str, self.student) if self.student else (each.login for each in book.students),
            )
            wanted = self.to or "grades.csv"
            self.log.info("Exporting grades to %s", wanted)
            with output(wanted, force=True) as made, open_file(made, "w", encoding="utf-8") as writing:
                writing.write(written(spreadsheet(book, 0.0)))
        except NbGraderException as refusal:
            sys.exit(str(refusal))
