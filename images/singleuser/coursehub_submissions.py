"""Pack what was collected of an assignment into a zip, for a plagiarism checker or an archive.

It has a folder for each student, with the newest submission that was collected. With --without-names the folders are
numbers by chance, and whose they are is in a second file, which is yours to keep. What students wrote themselves stays:
a name in a cell, in a file's name or in an error message. You read in whose files their own login still is.
Nothing is written while a submission holds what collecting would refuse; you read whose and why.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from random import SystemRandom
from zipfile import ZipFile

import coursehub_output
import coursehub_places
from coursehub_files import open_descriptor, open_file
from coursehub_shared import COURSE
from coursehub_sheets import LOGIN, named, written
from coursehub_zip import Archive, files
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader_grades import collected
from nbgrader_receipt import ADDED
from nbgrader_rules import Budget, Refused
from nbgrader_whole import flush, reason

# By it nbgrader finds a student's feedback, so it goes to nobody.
NEVER = "submission_secret.txt"
# Seconds from one word on how far it is to the next.
EVERY = 10


def arguments(parser: ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="whose submissions")
    parser.add_argument("--without-names", action="store_true", help="numbers instead of logins, and no times")
    parser.add_argument("--anyway", action="store_true", help="leave out the submissions that are refused")
    coursehub_output.arguments(parser, "SLUG-ASSIGNMENT.zip")


def run(asked: Namespace) -> int:
    """0 where the zip was written; NbGraderException with all that is in the way."""
    fit = _fit(asked.assignment, anyway=asked.anyway)
    names = list(fit)
    if asked.without_names:
        SystemRandom().shuffle(names)
    width = max(3, len(str(len(names))))
    roots = {login: f"{number:0{width}}" if asked.without_names else login for number, login in enumerate(names, 1)}
    wanted = asked.output or f"{asked.course}-{asked.assignment}.zip"
    table = f"{os.path.splitext(wanted)[0]}-names.csv"
    with ExitStack() as stack:
        made = stack.enter_context(coursehub_output.output(wanted, force=asked.force))
        if asked.without_names:
            # It is there before the zip is, which without it is nobody's.
            whose = stack.enter_context(coursehub_output.output(table, force=asked.force))
            with open(whose, "x", opener=lambda name, flags: open_descriptor(name, flags, 0o600)) as writing:
                writing.write(written([("folder", "login"), *((root, login) for login, root in roots.items())]))
        with open_file(made, "xb") as writing, ZipFile(writing, "w") as to:
            archive = Archive(to)
            mentioned = list(_add(archive, fit, roots, names=not asked.without_names))
        flush(made)
    print(f"Wrote {wanted!r}: {len(fit)} submissions")
    if archive.renamed:
        print(f"Named otherwise, so that every system can unpack them: {archive.renamed} files, as {archive.example!r}")
    if asked.without_names:
        print(f"Whose each folder is: {table!r}, which you keep")
    if mentioned:
        print(f"The student's login is in the files of: {', '.join(sorted(mentioned))}")
    return 0


def _fit(assignment: str, *, anyway: bool) -> dict[str, str]:
    """The folder of each login whose submission can be packed."""
    found = [(student, folder) for student, name, folder in collected() if name == assignment]
    if not found:
        known = sorted({name for _, name, _ in collected()})
        only = f", only of: {', '.join(map(repr, known))}" if known else ", nor of any other"
        raise NbGraderException(f"Nothing is collected of {assignment!r}{only}")
    fit = {}
    for student, folder in found:
        try:
            if not LOGIN.fullmatch(student):
                raise Refused("this is no login")
            for path in _files(folder):
                open_file(os.path.join(folder, path), "rb").close()
        except (Refused, coursehub_places.Refused, OSError) as error:
            why = reason(error) if isinstance(error, OSError) else error
            print(f"The submission of {named(student)}: {why}", file=sys.stderr)
        else:
            fit[student] = folder
    if len(fit) < len(found) and not (anyway and fit):
        raise NbGraderException(
            "Nothing was exported, because of the above; put it right, or pack the rest with --anyway"
        )
    return fit


def _add(archive: Archive, fit: dict[str, str], roots: dict[str, str], *, names: bool) -> Iterator[str]:
    """Packs all, and gives the numbers in whose files their login is."""
    told = time.monotonic()
    # Whoever sees when it was handed in may know whose it is.
    left_out = {NEVER} if names else {*ADDED}
    for number, (login, root) in enumerate(roots.items()):
        if time.monotonic() > told + EVERY:
            told = time.monotonic()
            print(f"{number} of {len(roots)} submissions are packed", file=sys.stderr)
        paths = (path for path in _files(fit[login]) if path not in left_out)
        try:
            if archive.add(root, fit[login], paths, "" if names else login):
                yield root
        except (Refused, coursehub_places.Refused, FileNotFoundError) as error:
            raise NbGraderException(
                f"Nothing was exported: the submission of {login} has changed meanwhile ({error}); do it again"
            ) from None


def _files(folder: str) -> Iterator[str]:
    course = CourseDirectory(root=COURSE)
    return files(folder, Budget(1000 * course.max_dir_size), course.ignore)
