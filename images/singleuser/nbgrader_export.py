"""nbgrader's export of grades, all or nothing."""

import os
import sys
from typing import Any

from nbgrader.plugins import CsvExportPlugin
from nbgrader_whole import replacing, told


class Export(CsvExportPlugin):  # type: ignore[misc] # nbgrader is untyped
    """Exports as nbgrader does; an earlier file stays until the new one is whole."""

    def export(self, gradebook: Any) -> None:
        """Ends the process with a sentence where the file cannot be written."""
        wanted = self.to or "grades.csv"
        try:
            with replacing(wanted) as self.to:
                super().export(gradebook)
        except OSError as error:
            sys.exit(f"Nothing was exported to {os.path.abspath(wanted)!r} {told(error)}")
