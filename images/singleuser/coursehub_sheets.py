"""Tables of grades, as spreadsheets, Moodle and Canvas take them. Nothing here reads or writes a file.

What the two import, as their own programs have it:

- Moodle finds a line's person by one column, and takes points from any other that is mapped to an assignment. A line
  whose person it does not find stops all, and one without a person counts for the person before. Nothing is no grade.
  A maximum is set in Moodle (moodle/moodle: grade/import/csv/classes/load_data.php; docs.moodle.org: Grade import).
- Canvas wants Student, ID, SIS User ID, SIS Login ID and Section, behind them assignments by their titles, and as the
  second line Points Possible. A person is found by the SIS User ID, then by the SIS Login ID, then by name; nothing is
  no change (instructure/canvas-lms: lib/gradebook_importer.rb and lib/gradebook_exporter.rb).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

LOGIN = re.compile(r"[a-z0-9_][a-z0-9._-]{0,62}")
# nbgrader's own.
COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip
FORMATS = ("csv", "moodle", "canvas")
# By what a person is found, and what Moodle calls it.
KEYS = {"login": "Username", "email": "Email address", "id": "ID number"}
_KEY = re.compile(r"\w[^\s,;\"]*")
# Titles that Canvas takes for a title with its own number, for a number, or for what it has counted itself.
_CANVAS_READS = re.compile(
    r".*\s\(\d+\)|-?[0-9.,]+%?|.*((Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)).*", re.DOTALL
)
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
# Where a cell begins, also for a program that takes another separator than ours.
_FORMULA = re.compile(r"(^|[,;])([\s\"']*)(?=[=+\-@＝＋－＠])")

Cell = str | float | None
Rows = Iterator[Sequence[Cell]]


@dataclass(frozen=True)
class Student:
    """As the gradebook knows them; `id` is the number that the university or its LMS has for them."""

    login: str
    last: str = ""
    first: str = ""
    email: str = ""
    id: str = ""


@dataclass(frozen=True)
class Assignment:
    """`most` are the points that one can have, without extra credit."""

    name: str
    due: datetime | None
    most: float


@dataclass(frozen=True)
class Work:
    """What somebody handed in and has for it; `waits` while a part of it is to be graded by hand."""

    time: datetime | None
    raw: float
    penalty: float
    waits: bool = False

    @property
    def points(self) -> float:
        """What counts, as nbgrader counts it."""
        return max(0.0, self.raw - self.penalty)


@dataclass(frozen=True)
class Book:
    """A course's grades: the work of an assignment's name and a login, where there is any."""

    students: tuple[Student, ...]
    assignments: tuple[Assignment, ...]
    works: Mapping[tuple[str, str], Work]

    def of(self, names: Iterable[str], logins: Iterable[str]) -> "Book":
        """The same of these alone."""
        assignments, students = {*names}, {*logins}
        return replace(
            self,
            assignments=tuple(each for each in self.assignments if each.name in assignments),
            students=tuple(each for each in self.students if each.login in students),
        )

    def at(self, domain: str) -> "Book":
        """The same, where an e-mail address that is not known is the login's of that domain."""
        students = (replace(each, email=each.email or f"{each.login}@{domain}") for each in self.students)
        return replace(self, students=tuple(students))


def keyed(students: Iterable[Student], by: str) -> tuple[dict[str, str], list[str]]:
    """By what an LMS finds each login, and a sentence for each that it could not find, or would take for another."""
    keys: dict[str, str] = {}
    bad = []
    whose: dict[str, list[str]] = {}
    for student in students:
        key = str(getattr(student, by))
        form = LOGIN if by == "login" else _KEY
        if not key:
            bad.append(f"{named(student.login)} has no {by} in the gradebook")
        elif not form.fullmatch(key) or not key.isprintable() or (by == "email" and "@" not in key):
            bad.append(f"the {by} of {named(student.login)} is none: {key[:80]!r}")
        else:
            keys[student.login] = key
            whose.setdefault(key.casefold(), []).append(student.login)
    for several in whose.values():
        if len(several) > 1:
            bad.append(f"{', '.join(map(named, several))} have the same {by}, {keys[several[0]]!r}")
            for login in several:
                del keys[login]
    return keys, bad


def misread(assignments: Sequence[Assignment], form: str) -> list[str]:
    """A sentence for each assignment whose column would not be its own."""
    seen: dict[str, str] = {}
    bad = []
    for each in assignments:
        shown = text(each.name)
        if form == "canvas" and _CANVAS_READS.fullmatch(each.name):
            bad.append(f"Canvas would take the column {each.name!r} for something else; take others by --assignment")
        if shown in seen:
            bad.append(
                f"{each.name!r} and {seen[shown]!r} would have the same column; take one of them by --assignment"
            )
        seen[shown] = each.name
    return bad


def rows(form: str, book: Book, by: str, keys: Mapping[str, str], missing: float | None) -> Rows:
    """The table in one of FORMATS; `missing` is what somebody has for what was not handed in."""
    if form == "csv":
        return spreadsheet(book, missing)
    return (moodle if form == "moodle" else canvas)(book, by, keys, missing)


def spreadsheet(book: Book, missing: float | None) -> Rows:
    """A line for each assignment and student, with the columns of `nbgrader export`; times are UTC."""
    yield COLUMNS
    for assignment in book.assignments:
        for student in book.students:
            work = book.works.get((assignment.name, student.login))
            person = (student.login, student.last, student.first, student.email)
            points = (work.raw, work.penalty, work.points) if work else (missing,) * 3
            yield (assignment.name, _time(assignment.due), _time(work and work.time), *person, *points, assignment.most)


def moodle(book: Book, by: str, keys: Mapping[str, str], missing: float | None) -> Rows:
    """A line for each student, found by the first column."""
    yield (KEYS[by], *(each.name for each in book.assignments))
    for student in book.students:
        yield (keys[student.login], *_points(book, student, missing))


def canvas(book: Book, by: str, keys: Mapping[str, str], missing: float | None) -> Rows:
    """A line for each student; the name is the login, so that nobody is found by a name."""
    yield ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(each.name for each in book.assignments))
    yield ("    Points Possible", "", "", "", "", *(each.most for each in book.assignments))
    for student in book.students:
        found = (keys[student.login], "") if by == "id" else ("", keys[student.login])
        yield (student.login, "", *found, "", *_points(book, student, missing))


def written(rows: Iterable[Sequence[Cell]]) -> str:
    """The rows as CSV: each one line, a point before decimals, and no formula in any cell."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerows([number(cell) if isinstance(cell, float) else text(cell or "") for cell in row] for row in rows)
    return made.getvalue()


def number(value: float) -> str:
    """With at most five decimals, as Moodle keeps them."""
    return f"{round(value, 5) + 0.0:.5f}".rstrip("0").rstrip(".")


def text(value: str) -> str:
    """One line that no spreadsheet runs and nothing turns around; a name as people write it stays what it is.

    Control characters are in Python's notation, and before what begins a formula is a quote
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    plain = "".join(ascii(each)[1:-1] if _is_hidden(each) else each for each in value)
    return _FORMULA.sub(r"\1\2'", plain)


def named(login: str) -> str:
    """A login for a sentence, in quotes where it is none."""
    return login if LOGIN.fullmatch(login) else repr(login[:80])


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS or unicodedata.bidirectional(character) in _TURNS


def _points(book: Book, student: Student, missing: float | None) -> Iterator[float | None]:
    for assignment in book.assignments:
        work = book.works.get((assignment.name, student.login))
        yield work.points if work else missing


def _time(time: datetime | None) -> str:
    return str(time) if time else ""
