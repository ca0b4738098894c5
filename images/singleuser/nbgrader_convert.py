"""nbgrader's steps from one of the course's folders to the next: one at a time for a student, all or nothing.

nbgrader removes what is there, makes it anew, and where that fails removes what is there again, whoever made it.
"""

import glob
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NamedTuple

import coursehub_runs
from coursehub_files import OS, SHUTIL
from coursehub_places import Refused as Linked
from nbclient.exceptions import CellTimeoutError
from nbformat.reader import NotJSONError
from nbgrader.apps import updateapp
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.nbgraderformat import SchemaTooNewError, SchemaTooOldError
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from nbgrader_alone import Busy, alone
from nbgrader_handed_in import check
from nbgrader_whole import flush, reason, replacing
from sqlalchemy.exc import DBAPIError

# Beside what it is to replace: where it is made, and where that was put away. Whoever has its lock clears up.
MAKING, EARLIER = ".making", ".earlier"
# The step of autograding from which on the gradebook is written.
SAVES = "nbgrader_handed_in.Save"
FOR_EVER = "its code cannot be interrupted; edit it so that it ends, then do it again"
REASONS: dict[type[Exception], str] = {
    CellTimeoutError: FOR_EVER,
    UnresponsiveKernelError: FOR_EVER,
    SchemaTooOldError: "it is in an old format of nbgrader's; make a copy of it, then run `nbgrader update` on it",
    SchemaTooNewError: "it is in the format of a newer nbgrader",
    NotJSONError: "a notebook in it is none: it is not JSON",
}


def take_over() -> None:
    """Holds for each step: generate_assignment, autograde, generate_feedback, generate_solution; and for update.

    Where submissions are executed apart, they are autograded many at once.
    """
    BaseConverter.convert_notebooks = convert_notebooks
    if coursehub_runs.are_possible():
        Autograde.convert_notebooks = import_module("nbgrader_many").convert_notebooks
    BaseConverter._format_dest = _format_dest
    BaseConverter.init_single_notebook_resources = _resources
    updateapp.write, updateapp.orig_write = map(_whole, _nbgraders_writes)


class End(NamedTuple):
    """What became of one student's work: *done*, *unchanged*, *failed* for a reason, or *cancelled*."""

    whose: str
    how: str
    why: str = ""
    log: str = ""

    @property
    def is_well(self) -> bool:
        """What was asked for is there."""
        return self.how in ("done", "unchanged")


def convert_notebooks(self: BaseConverter) -> None:
    """Makes what is asked of each student; NbGraderException at the end, with whose failed and is as it was."""
    finish(self, [convert(self, path) for path in sorted(self.assignments)])


def finish(self: BaseConverter, ends: Iterable[End]) -> None:
    """NbGraderException where one of them did not end well."""
    failed = [end.whose for end in ends if not end.is_well]
    if failed:
        message = f"Failed, and left as it was: {', '.join(failed)}; see above"
        self.log.error(message)
        raise NbGraderException(message)


def convert(self: BaseConverter, path: str) -> End:
    """What is asked of one student is made, or nothing has changed."""
    assignment, student = whose(self, path)
    name = assignment if student == "." else student
    try:
        with alone(self.coursedir.root, name, self.log):
            self.notebooks = _notebooks(self, path)
            return End(name, "done" if _convert(self, assignment, student) else "unchanged")
    except Exception as error:  # noqa: BLE001  (of what one student handed in, anything can be wrong)
        why = _why(error)
        self.log.error("There was an error processing %s: %s", path, why)
        return End(name, "failed", why)


def whose(self: BaseConverter, path: str) -> tuple[str, str]:
    """The assignment and the student of a folder; the latter is `.` where the course's own is meant."""
    found = re.match(self._format_source("(?P<assignment>.*)", "(?P<student>.*)", escape=True), path)
    if found is None:
        raise NbGraderException(f"{path} is not where nbgrader keeps assignments")
    return found["assignment"], found["student"]


_nbgraders_writes = updateapp.write, updateapp.orig_write


def _whole(write: Callable[..., None]) -> Callable[..., None]:
    def ours(notebook: Any, path: str) -> None:
        try:
            with replacing(path) as made:
                write(notebook, made)
        except OSError as error:
            sys.exit(f"{path} stays as it was ({reason(error)})")

    return ours


def _notebooks(self: BaseConverter, path: str) -> list[str]:
    """Those that are there now: while this one waited, somebody may have collected anew."""
    found = sorted(glob.glob(os.path.join(glob.escape(path), f"{self.coursedir.notebook_id}.ipynb")))
    if not found:
        raise NbGraderException("there is no notebook in it any more")
    named = [each for each in found if _has_a_name(each)]
    for left_out in sorted({*found} - {*named}):
        self.log.warning("Passed over %s: its name is not in UTF-8", left_out)
    return named


def _format_dest(self: BaseConverter, assignment: str, student: str) -> str:
    """Where nbgrader is to make it: beside what is there, which others go on to read meanwhile."""
    return _beside(_destination(self, assignment, student), MAKING)


def _destination(self: BaseConverter, assignment: str, student: str) -> str:
    return os.path.normpath(self.coursedir.format_path(self._output_directory, student, assignment))


def _resources(self: BaseConverter, notebook: str) -> dict[str, Any]:
    """As nbgrader's, which reads the student's name from the path, also of what is being made."""
    found: dict[str, Any] = _nbgraders_resources(self, notebook)
    found["nbgrader"]["student"] = found["nbgrader"]["student"].removesuffix(f"/{MAKING}")
    return found


_nbgraders_resources = BaseConverter.init_single_notebook_resources


def _convert(self: BaseConverter, assignment: str, student: str) -> bool:
    """Whether it had to be made."""
    destination = _destination(self, assignment, student)
    _clear_up(destination)
    if not _is_wanted(self, assignment, student, destination):
        return False
    self.run_pre_convert_hook()
    kept = None if self.coursedir.notebook_id == "*" else [_made(self, notebook) for notebook in self.notebooks]
    with _anew(destination, kept):
        self.init_assignment(assignment, student)
        (_autograde if isinstance(self, Autograde) else _convert_each)(self)
        self.set_permissions(assignment, student)
    self.run_post_convert_hook()
    return True


def _convert_each(self: BaseConverter) -> None:
    for notebook in self.notebooks:
        self.convert_single_notebook(notebook)


def _autograde(self: Autograde) -> None:
    """As nbgrader does, of what is a notebook; no grade is saved before all of a student's have been executed."""
    every = self.autograde_preprocessors
    saving = every.index(SAVES)
    for notebook in self.notebooks:
        check(notebook)
    try:
        self.autograde_preprocessors = every[:saving]
        _convert_each(self)
        self.autograde_preprocessors, self._sanitizing = every[saving:], False
        self._init_preprocessors()
        for notebook in self.notebooks:
            made = os.path.join(self.writer.build_directory, os.path.basename(notebook))
            BaseConverter.convert_single_notebook(self, made)
    finally:
        self.autograde_preprocessors, self._sanitizing = every, True


def _is_wanted(self: BaseConverter, assignment: str, student: str, destination: str) -> bool:
    """As nbgrader's init_destination says, which removes what is there, too."""
    if student in self.coursedir.student_id_exclude.split(","):
        return False
    every = self.coursedir.notebook_id == "*"
    wanted = [destination] if every else [os.path.join(destination, _made(self, each)) for each in self.notebooks]
    if self.force or not all(map(os.path.exists, wanted)):
        return True
    new = self.coursedir.get_existing_timestamp(self._format_source(assignment, student))
    old = self.coursedir.get_existing_timestamp(destination)
    if new and old and new > old:
        self.log.warning("Updating %s", destination)
        return True
    self.log.info("Skipping existing assignment: %s", destination)
    return False


def _made(self: BaseConverter, notebook: str) -> str:
    """The name of what is made of a notebook."""
    return f"{os.path.splitext(os.path.basename(notebook))[0]}{self.exporter.file_extension}"


@contextmanager
def _anew(destination: str, made: list[str] | None) -> Iterator[None]:
    """What is made in the block takes the place of what was there, which stays where the block raises.

    With `made`, a list of names, it takes the place of these alone.
    """
    making, earlier = _beside(destination, MAKING), _beside(destination, EARLIER)
    OS.makedirs(os.path.dirname(making), exist_ok=True)
    try:
        if made is not None and os.path.lexists(destination):
            SHUTIL.copytree(destination, making, ignore=lambda _, names: {*made} & {*names})
        yield
        flush(making)
        if os.path.lexists(destination):
            OS.makedirs(os.path.dirname(earlier), exist_ok=True)
            OS.rename(destination, earlier)
        OS.rename(making, destination)
    finally:
        _clear_up(destination)


def _clear_up(destination: str) -> None:
    """Nothing is left of a step that ended or was cut off; what it had put away for nothing is there again."""
    making, earlier = _beside(destination, MAKING), _beside(destination, EARLIER)
    if os.path.lexists(earlier) and not os.path.lexists(destination):
        OS.rename(earlier, destination)
    for left in (making, earlier):
        SHUTIL.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            OS.rmdir(os.path.dirname(left))


def _beside(destination: str, place: str) -> str:
    folder, name = os.path.split(destination)
    return os.path.join(folder, place, name)


def _has_a_name(notebook: str) -> bool:
    """Whether the gradebook can hold it."""
    try:
        notebook.encode()
    except UnicodeEncodeError:
        return False
    return True


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{reason(error)}{f' ({error.filename!r})' if error.filename else ''}"
    if isinstance(error, DBAPIError):
        return f"the gradebook cannot be read or written ({error.orig})"
    if isinstance(error, Linked | Busy | NbGraderException):
        return str(error)
    return REASONS.get(type(error)) or traceback.format_exc()
