"""nbgrader, which takes settings and modules from the image, and from no other place.

What is graded runs as its grader, so a file in /course or in the working directory can be anybody's, whoever owns it;
and one in a home would count in some roles only. nbgrader's own way is to run `nbgrader_config.py` of all three, to
import modules from the second, and to read and write through links.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from logging import FileHandler, Logger
from pathlib import Path
from typing import Any

import coursehub_runs
from coursehub_files import adopt, open_file
from coursehub_places import Refused
from coursehub_trust import IS_GRADING
from jupyter_core.paths import jupyter_config_path
from nbgrader import utils
from nbgrader.apps.baseapp import NbGrader
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.apps.nbgraderapp import main as nbgrader
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange.default import Exchange
from nbgrader_rules import shown
from nbgrader_told import is_staff

ELSEWHERE = (
    "Nothing was autograded: that runs students' code as you, and here it would have your home and the network. Stop "
    "this server, start the course with the badge 'grading', and autograde there."
)
UNREAD = (
    "nbgrader's settings cannot be read ({}), and without them it would take other folders and another way to grade, "
    "so nothing was done. Start the server anew; if it stays so, tell your admins."
)
SET_ASIDE = "Set one submission aside, so that collecting passes over it and takes the student's one before."
# Where its settings are.
IMAGES = ("/etc/", "/opt/coursehub/", "/usr/local/etc/", f"{sys.prefix}/")
# Each module by which nbgrader reads or writes files; a test looks for others.
WRITERS = (
    "nbconvert.exporters.exporter", "nbconvert.writers.files", "nbformat", "nbgrader.apps.api", "nbgrader.apps.dbapp",
    "nbgrader.apps.generateconfigapp", "nbgrader.apps.quickstartapp", "nbgrader.apps.updateapp",
    "nbgrader.apps.zipcollectapp", "nbgrader.converters.autograde", "nbgrader.converters.base", "nbgrader.coursedir",
    "nbgrader.exchange.default.collect", "nbgrader.exchange.default.exchange",
    "nbgrader.exchange.default.fetch_assignment", "nbgrader.exchange.default.fetch_feedback",
    "nbgrader.exchange.default.list", "nbgrader.exchange.default.release_assignment",
    "nbgrader.exchange.default.release_feedback", "nbgrader.exchange.default.submit", "nbgrader.plugins.export",
    "nbgrader.plugins.zipcollect", "nbgrader.preprocessors.headerfooter", "nbgrader.preprocessors.instantiatetests",
    "nbgrader.server_extensions.formgrader.apihandlers", "nbgrader.server_extensions.formgrader.handlers",
    "nbgrader.utils", "setuptools._path", "setuptools.archive_util",
)  # fmt: skip


class Log(FileHandler):
    """nbgrader's log file, which is no link into one's home."""

    def _open(self) -> Any:
        return open_file(self.baseFilename, self.mode, encoding=self.encoding)


class Record(logging.LogRecord):
    """What is logged, with names of files and words of others as they can be printed."""

    def getMessage(self) -> str:
        """The line."""
        return shown(super().getMessage())


def restrict() -> None:
    """Holds for all nbgrader applications of this process: its command's, and those that server extensions make."""
    NbGrader.load_cwd_config = False
    NbGrader.init_syspath = _init_syspath
    NbGrader._load_config_files = classmethod(_load_config_files)
    NbGrader.raise_config_file_errors = True
    NbGrader.init_logging = _init_logging
    Exchange.start = _start
    if not (IS_GRADING or coursehub_runs.are_possible()):
        Autograde.start = _nothing_runs_here
    # A name, or a text, that is no UTF-8 has a checksum, too.
    utils.to_bytes = lambda text: text.encode(errors="surrogatepass")
    logging.setLogRecordFactory(Record)
    import_module("nbgrader_convert").take_over()
    import_module("nbgrader_gradebook").take_over()
    import_module("nbgrader_changes").make()
    if is_staff():
        NbGraderApp.subcommands["set_aside"] = (import_module("nbgrader_set_aside").SetAside, SET_ASIDE)
    adopt(*(import_module(name) for name in WRITERS))


def unread() -> str:
    """Why nbgrader's settings cannot be read, in a sentence; empty where they can."""
    try:
        NbGrader().load_config_file()
    except Refused as refusal:
        return str(refusal)
    return ""


def main() -> None:
    """The command `nbgrader`, with the umask of the role: a shell's own may close the course to colleagues."""
    os.umask(int(os.environ.get("COURSEHUB_UMASK", "0077"), 8))
    restrict()
    try:
        nbgrader()
    except Refused as refusal:
        sys.exit(str(refusal))


def _nothing_runs_here(self: Autograde) -> None:
    self.log.error(ELSEWHERE)
    raise NbGraderException(ELSEWHERE)


def _start(self: Exchange) -> None:
    try:
        _nbgraders_start(self)
    except Refused as refusal:
        self.fail(str(refusal))


_nbgraders_start = Exchange.start


def _init_logging(self: NbGrader, handler_class: type, *args: Any, **more: Any) -> None:
    try:
        _nbgraders_init_logging(self, Log if handler_class is FileHandler else handler_class, *args, **more)
    except Refused as refusal:
        self.log.warning("Without a log: %s", refusal)


_nbgraders_init_logging = NbGrader.init_logging


def _init_syspath(_: NbGrader) -> None:
    # zip_collect adds it for itself before it comes here.
    with suppress(ValueError):
        sys.path.remove(os.getcwd())


def _load_config_files(
    cls: type[NbGrader], basefilename: str, path: str | Sequence[str], log: Logger | None = None, **more: Any
) -> Iterator[tuple[Any, str]]:
    ours = [folder for folder in jupyter_config_path() if folder.startswith(IMAGES)]
    asked = [path] if isinstance(path, str) else path
    for folder in asked:
        for file in (Path(folder, basefilename + ending) for ending in (".py", ".json")):
            if folder not in ours and log and file.exists():
                log.warning(
                    "%s is not read: code of others could have left it there. Settings belong into the course file, "
                    "below `nbgrader`",
                    file,
                )
    try:
        yield from super(NbGrader, cls)._load_config_files(basefilename, [x for x in asked if x in ours], log, **more)
    except Exception as error:  # noqa: BLE001  (such a file is a program, in which anything can go wrong)
        raise Refused(UNREAD, shown(f"{basefilename}: {type(error).__name__}: {error}")) from None
