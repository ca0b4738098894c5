"""Whose a notebook is, and so whether anything in it may run when it is opened.

Jupyter trusts a notebook that this server signed. But code beside the server, of a submission that is graded or of a
notebook that somebody runs, can sign with the same key whatever it likes. So a signature counts for what is one's own
alone: a file that one owns, in one's home, where nobody else can write.
"""

import os
import stat

from coursehub_places import Refused, reach
from coursehub_process import home

# There the home is scratch, and code of others runs as oneself.
IS_GRADING = os.environ.get("COURSEHUB_ROLE") == "grading"


def is_ones_own(path: str) -> bool:
    """Whether it is, or once made would be, a file of one's own in one's home."""
    if IS_GRADING or not is_at_home(path):
        return False
    with reach(path) as place:
        try:
            found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        except FileNotFoundError:
            return place.own
        return place.own and found.st_uid == os.geteuid() and stat.S_ISREG(found.st_mode)


def is_at_home(path: str) -> bool:
    """Whether it lies in the home, wherever links on the way lead."""
    try:
        with reach(path) as place:
            return place.path.startswith(os.path.realpath(home()).rstrip("/") + "/")
    except (Refused, OSError):
        return False
