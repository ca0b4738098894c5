"""Write the points of a course into a table: for a spreadsheet, for Moodle or for Canvas.

The points are those in Formgrader, late penalties taken off. Nothing is written while some are not the last ones
(work to grade by hand or to autograde), or while somebody could not be found in Moodle or Canvas; you read who.
Only assignments of which somebody has points are in it, and who handed nothing in has nothing there.

Moodle and Canvas find people by their login, e-mail address or number. The gradebook has the latter two where you
gave them to it: nbgrader db student import people.csv, with the columns id (the login), email, lms_user_id.
"""

import sys
from argparse import ArgumentParser, Namespace

import coursehub_output
import nbgrader_grades
from coursehub_files import open_file
from coursehub_sheets import FORMATS, KEYS, Book, keyed, misread, number, rows, written
from nbgrader.converters.base import NbGraderException


def arguments(parser: ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("--format", choices=FORMATS, default="csv", help="for whom the table is (csv)")
    parser.add_argument("--assignment", action="append", metavar="NAME", help="only this one; can be said again")
    parser.add_argument("--by", choices=KEYS, help="how Moodle or Canvas find a person (login)")
    parser.add_argument("--domain", help="who has no e-mail address has LOGIN@DOMAIN; people are found by it")
    parser.add_argument("--zero", action="store_true", help="who handed nothing in has 0 points")
    parser.add_argument("--anyway", action="store_true", help="write what there is; who cannot be found is left out")
    coursehub_output.arguments(parser, "SLUG-FORMAT.csv")


def run(asked: Namespace) -> int:
    """0 where the table was written; NbGraderException with all that is in the way."""
    book = _chosen(nbgrader_grades.of_course(asked.course), asked.assignment)
    if asked.domain:
        book = book.at(asked.domain)
    by = asked.by or ("email" if asked.domain else "login")
    keys = _keys(book, by, asked)
    book = book.of((each.name for each in book.assignments), keys)
    table = written(rows(asked.format, book, by, keys, 0.0 if asked.zero else None))
    wanted = asked.output or f"{asked.course}-{asked.format}.csv"
    # By the mark at its beginning a spreadsheet knows that it is UTF-8.
    encoding = "utf-8-sig" if asked.format == "csv" else "utf-8"
    with (
        coursehub_output.output(wanted, force=asked.force) as made,
        open_file(made, "w", encoding=encoding) as writing,
    ):
        writing.write(table)
    most = ", ".join(f"{each.name!r} of {number(each.most)} points" for each in book.assignments)
    print(f"Wrote {wanted!r}: {len(book.students)} students; {most}")
    return 0


def _keys(book: Book, by: str, asked: Namespace) -> dict[str, str]:
    """By what each student is found who is to be in the table; says what is in the way."""
    if asked.format == "csv":
        wrong, unknown, keys = [], [], dict.fromkeys((each.login for each in book.students), "")
    else:
        wrong = misread(book.assignments, asked.format)
        keys, unknown = keyed(book.students, by)
    missing = [*nbgrader_grades.lacking(book), *unknown]
    for each in [*wrong, *missing]:
        print(each, file=sys.stderr)
    if wrong or not keys:
        raise NbGraderException("Nothing was exported, because of the above")
    if missing and not asked.anyway:
        raise NbGraderException(
            "Nothing was exported, because of the above; put it right, or have the rest with --anyway"
        )
    return keys


def _chosen(book: Book, names: list[str] | None) -> Book:
    graded = {name for name, _ in book.works}
    known = {each.name for each in book.assignments}
    if unknown := [name for name in names or () if name not in known]:
        there = ", ".join(map(repr, sorted(known))) or "none"
        raise NbGraderException(f"The gradebook has no assignment {unknown[0]!r}, only: {there}")
    if left_out := sorted(known - graded) if not names else []:
        print(f"Left out, as nobody has points: {', '.join(map(repr, left_out))}", file=sys.stderr)
    if not (names or graded) or not book.students:
        raise NbGraderException("Nobody has points yet; collect and autograde first")
    return book.of(names or graded, (each.login for each in book.students))
