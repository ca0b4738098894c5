"""Where a course's assignment lies in its student's home: in ~/COURSE/NAME.

Earlier versions fetched it to ~/NAME, which does not say its course, and two courses can have assignments of one name.
What lies there counts as the course's only where nothing else is possible; otherwise it stays, and its student is told.
"""

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursehub_files import open_file
from coursehub_places import Refused
from nbgrader_cache import submissions

FEEDBACK = "feedback"
# A notebook above this is not looked into.
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Place:
    """A folder with somebody's work on an assignment; `why_not` says what keeps it from being the course's for sure."""

    folder: Path
    in_course: bool
    why_not: str = ""


def place(exchange: Any, name: str) -> Place | None:
    """Where the work on the assignment `name` of the exchange's course is; None where there is none.

    Feedback alone, which can come before everything else, is none.
    """
    home, course = Path(exchange.assignment_dir), exchange.coursedir.course_id
    if _holds_work(home / course / name):
        return Place(home / course / name, in_course=True)
    # The folder of another course's assignments is no assignment.
    if name == course or not _holds_work(home / name):
        return None
    released = Path(exchange.root, course, "outbound", name)
    return Place(home / name, in_course=False, why_not=_why_not(home / name, released, Path(exchange.cache)))


def told(found: Place, course: str) -> str:
    """What somebody can do about a place that is the course's only perhaps."""
    at, name = f"~/{found.folder.name}", shlex.quote(found.folder.name)
    return (
        f"{at} does not say of which course it is, and {found.why_not}. If it is {course}'s, move it: "
        f"mkdir -p ~/{course} && mv -n ~/{name} ~/{course}/"
    )


def _holds_work(folder: Path) -> bool:
    try:
        return any(name != FEEDBACK for name in os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _why_not(folder: Path, released: Path, cache: Path) -> str:
    wanted = _tasks(released)
    if not wanted:
        return "no task in what the course has released would show it"
    if not _is_version(folder, wanted):
        return "it is not what the course has released"
    if any(_is_version(each, wanted) for each in _handed_in_elsewhere(cache, released.parents[1].name, folder.name)):
        return "the same has been submitted to another course"
    # What is fetched is no older than what was released.
    if _oldest(folder) < max((released / notebook).stat().st_mtime for notebook in wanted):
        return "it is older than what the course has released"
    return ""


def _is_version(folder: Path, wanted: dict[str, set[tuple[str, str]]]) -> bool:
    """Whether all notebooks of the course that are there have all its tasks, as they were released."""
    there = _tasks(folder)
    both = wanted.keys() & there.keys()
    return bool(both) and all(wanted[notebook] <= there[notebook] for notebook in both)


def _tasks(folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Each notebook's tasks and tests: their ids, and the checksums of what the teacher wrote, which stay with them."""
    found = {}
    for notebook in sorted(folder.glob("*.ipynb")):
        try:
            with open_file(notebook, "rb") as reading:
                cells = json.loads(reading.read(_LARGEST))["cells"]
            marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
            found[notebook.name] = {(mark["grade_id"], mark["checksum"]) for mark in marks if mark.get("checksum")}
        except (OSError, Refused, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {notebook: tasks for notebook, tasks in found.items() if tasks}


def _handed_in_elsewhere(cache: Path, course: str, name: str) -> Iterator[Path]:
    try:
        others = [other for other in os.listdir(cache) if other != course]
    except OSError:
        return
    for other in others:
        yield from (each.folder for each in submissions(cache / other) if each.assignment == name)


def _oldest(folder: Path) -> float:
    files = [Path(above, name) for above, _, names in os.walk(folder) for name in names]
    return min(each.lstat().st_ctime for each in files)
