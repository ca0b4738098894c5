"""nbgrader's ways into a home, all or nothing each; where there is no room, a sentence says so.

What nbgrader itself leaves there is half of it, which it then takes for all.
"""

import os
from contextlib import suppress

from coursehub_files import OS, SHUTIL
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeFetchFeedback
from nbgrader_whole import replacing, told


class FetchAssignment(ExchangeFetchAssignment):  # type: ignore[misc] # nbgrader is untyped
    """Fetches as nbgrader does."""

    def do_copy(self, src: str, dest: str) -> None:
        """Raises ExchangeError with a sentence where there is no room; no half of the assignment is there then."""
        ignore = SHUTIL.ignore_patterns(*self.coursedir.ignore)
        try:
            if os.path.isdir(dest):
                self.copy_if_missing(src, dest, ignore)
                return
            OS.makedirs(os.path.dirname(dest), exist_ok=True)
            with replacing(dest) as made:
                SHUTIL.copytree(src, made, ignore=ignore)
        except OSError as error:
            self.fail(f"Nothing of it was fetched {told(error)}")

    def copy_if_missing(self, src: str, dest: str, ignore: object = None) -> None:
        """Each missing file, or folder, comes as a whole."""
        names = set(os.listdir(src))
        for name in sorted(names - ignore(src, names)):  # type: ignore[operator] # nbgrader gives it
            source, target = os.path.join(src, name), os.path.join(dest, name)
            if os.path.isdir(target):
                self.copy_if_missing(source, target, ignore)
            elif not os.path.lexists(target):
                self.log.warning("Bringing back what is missing: %s", target)
                with replacing(target) as made:
                    if os.path.isdir(source):
                        SHUTIL.copytree(source, made, ignore=ignore)
                    else:
                        SHUTIL.copy(source, made)


class FetchFeedback(ExchangeFetchFeedback):  # type: ignore[misc] # nbgrader is untyped
    """Fetches as nbgrader does."""

    def do_copy(self, src: str, dest: str) -> None:
        """Raises ExchangeError with a sentence where there is no room; each page that is there is whole."""
        try:
            for notebook, time, page in self.feedback_files:
                folder = os.path.join(dest, time)
                OS.makedirs(folder, exist_ok=True)
                with replacing(os.path.join(folder, f"{notebook}.html")) as made:
                    SHUTIL.copy(page, made)
                self.log.info("Fetched feedback: %s", os.path.join(folder, f"{notebook}.html"))
        except OSError as error:
            folders = [os.path.join(dest, time) for _, time, _ in self.feedback_files]
            for folder in (*folders, dest, os.path.dirname(dest)):
                with suppress(OSError):
                    OS.rmdir(folder)
            self.fail(f"Not all feedback was fetched {told(error)}")
