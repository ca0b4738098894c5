"""What nbgrader's fetch_feedback looks for, of submissions with any version of the stamps."""

import os
from pathlib import Path
from typing import Any

from coursehub_files import open_file
from nbgrader.utils import notebook_hash
from nbgrader_cache import submissions


def init_src(self: Any) -> None:
    """Finds the pages; there is no list of them that a student could read."""
    course, wanted = self.coursedir.course_id, self.coursedir.assignment_id
    if not course:
        self.fail("No course id specified. Re-run with --course flag.")
    self.src_path = os.path.join(self.root, course, "feedback")
    if not os.access(self.src_path, os.X_OK):
        self.fail(f"The feedback in {self.src_path} is not there, or not yours to read.")
    self.feedback_files = []
    submitted = [each for each in submissions(Path(self.cache, course)) if each.assignment == wanted]
    if not submitted:
        self.log.warning("You have submitted no %s, so there is no feedback to fetch", wanted)
    for each in submitted:
        secret = each.folder / "submission_secret.txt"
        if not secret.is_file():
            continue
        with open_file(secret) as reading:
            unique = reading.read()
        for notebook in sorted(each.folder.glob("*.ipynb")):
            page = os.path.join(self.src_path, f"{notebook_hash(secret=unique, notebook_id=notebook.stem)}.html")
            if os.path.exists(page):
                self.feedback_files.append((notebook.stem, each.time, page))
            else:
                self.log.warning("No feedback yet on %s/%s submitted at %s", wanted, notebook.stem, each.time)
