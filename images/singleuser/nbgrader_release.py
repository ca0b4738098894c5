"""nbgrader's ways out into the exchange, all or nothing each; what is broken is passed over and named."""

import errno
import os
from glob import glob
from pathlib import Path

from coursehub_files import SHUTIL, open_file
from coursehub_places import Refused as Linked
from nbgrader.api import Gradebook
from nbgrader.exchange.default import ExchangeReleaseAssignment, ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash
from nbgrader_alone import Busy, alone
from nbgrader_told import tell
from nbgrader_whole import reason, replacing


class ReleaseAssignment(ExchangeReleaseAssignment):  # type: ignore[misc] # nbgrader is untyped
    """Releases as nbgrader does; what was released before stays until what is released anew is whole."""

    def copy_files(self) -> None:
        """Raises ExchangeError with a sentence where there is no room."""
        released = self.dest_path
        if os.path.isdir(released) and not self.force:
            super().copy_files()  # which refuses
        try:
            with replacing(released) as made:
                self.dest_path = made
                super().copy_files()
        except OSError as error:
            self.fail(f"Nothing was released ({reason(error)}); students have what they had.")
        finally:
            self.dest_path = released
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            tell(book, self.coursedir.root, Path(self.course_path))


class ReleaseFeedback(ExchangeReleaseFeedback):  # type: ignore[misc] # nbgrader is untyped
    """Releases what is whole, and names what it passes over."""

    def copy_files(self) -> None:
        """Raises ExchangeError, with the students whose feedback is passed over, once all the rest is released."""
        passed_over = []
        pages = sorted(glob(os.path.join(self.src_path, "*.html")))
        if not pages:
            self.fail(f"There is no feedback on {self.coursedir.assignment_id!r} yet; generate it first")
        for page in map(Path, pages):
            student = page.parts[-3]
            if student in self.coursedir.student_id_exclude.split(","):
                continue
            try:
                with alone(self.coursedir.root, student, self.log):
                    self._release(page)
            except (OSError, Linked, Busy) as error:
                passed_over.append(student)
                why = reason(error) if isinstance(error, OSError) else str(error)
                file = f", {Path(error.filename).name}" if isinstance(error, OSError) and error.filename else ""
                self.log.error("Passed over the feedback for %s (%s%s): %s", student, page.name, file, why)
        if passed_over:
            students = ", ".join(dict.fromkeys(passed_over))
            self.fail(f"Released all but the feedback for {students}; see above, generate it again and release it")

    def _release(self, page: Path) -> None:
        kept = []
        # The time tells a student which submission it is for.
        for name in ("submission_secret.txt", "timestamp.txt"):
            with open_file(page.with_name(name)) as reading:
                kept.append(reading.read())
            if not kept[-1].strip():
                raise OSError(errno.ENODATA, "it is empty", name)
        name = notebook_hash(secret=kept[0], notebook_id=page.stem)
        with replacing(os.path.join(self.dest_path, f"{name}.html")) as made:
            SHUTIL.copy(page, made)
        self.log.info("Released the feedback for %s: %s", page.parts[-3], page.name)
