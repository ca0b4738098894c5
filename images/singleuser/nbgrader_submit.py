"""nbgrader's submit, which hands in all or nothing, to the course alone: where there is no room, nothing half stays."""

import os
import shutil
from stat import S_IRWXG, S_IRWXU

from coursehub_files import OS, SHUTIL
from coursehub_places import Refused
from nbgrader.exchange.default import ExchangeSubmit


class Submit(ExchangeSubmit):  # type: ignore[misc] # nbgrader is untyped
    """Submits as nbgrader does, for the course's instructors alone, and takes back what it began and cannot end."""

    def copy_files(self) -> None:
        """Raises ExchangeError with a sentence for the student where there is no room."""
        cached = self.assignment_filename
        if self.add_random_string:
            cached = cached.rsplit("+", 1)[0]
        made = os.path.join(self.inbound_path, self.assignment_filename)
        try:
            super().copy_files()
            # nbgrader opens it to everybody who knows its name. Its group, by setgid, is the course's.
            OS.chmod(made, S_IRWXU | S_IRWXG)
        except (OSError, Refused) as error:
            # Without its copy at home, no feedback would find its way back.
            SHUTIL.rmtree(made, ignore_errors=True)
            SHUTIL.rmtree(os.path.join(self.cache_path, cached), ignore_errors=True)
            if isinstance(error, Refused):
                self.fail(f"Nothing was submitted. {error}")
            self.fail(
                f"Nothing was submitted ({_reason(error)}). If your home is full, delete what you do not need, then "
                "submit again."
            )


def _reason(error: OSError) -> str:
    if isinstance(error, shutil.Error):
        # As copytree gathers them: from, to, why.
        return str(error.args[0][0][2])
    return str(error.strerror)
