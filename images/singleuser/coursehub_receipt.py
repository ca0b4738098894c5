"""Show what was handed in, and when: each file with its SHA-256, and one over all of it.

It is of your own submissions, as your home keeps them. An instructor reads those of --student, in the exchange: what
lies there counts, and a receipt that somebody shows you is only text. A student cannot set the file server's clock, so
its time of the last change tells whether a submission came, or was changed, after the time that it says.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coursehub_carry import LIST, opened
from coursehub_process import home
from nbgrader.converters.base import NbGraderException
from nbgrader_cache import Kept, submissions
from nbgrader_due import moment, span
from nbgrader_people import people
from nbgrader_receipt import Found, Receipt, look
from nbgrader_rules import Refused, shown
from nbgrader_times import stamped
from nbgrader_told import EXCHANGE, Told, is_staff

# As many are looked at, and as many bytes of each.
MOST, LARGEST = 20, 100_000_000
# Copying takes a while, and clocks differ.
TOLERATED = timedelta(minutes=10)
NO_RECEIPT = "It has no receipt, as from an earlier version of the server."
OTHER = "Its receipt says something else: it was changed after it was submitted, or made otherwise."


def arguments(parser: ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="what was handed in")
    parser.add_argument("--all", action="store_true", help=f"not only the newest, but up to {MOST}")
    if is_staff():
        parser.add_argument(
            "--student", metavar="NAME", help="whose, in the exchange; without it your own, in your home"
        )
    parser.set_defaults(student=None)


def run(asked: Namespace) -> int:
    """Raises NbGraderException where there is none; 1 where one cannot be read."""
    cache = Path(home(), ".local/share/jupyter/nbgrader_cache", asked.course)
    exchange = Path(EXCHANGE, asked.course)
    found = _of(asked.student, exchange / "inbound") if asked.student else [*submissions(cache)]
    found = [each for each in found if each.assignment == asked.assignment]
    if not found:
        whose = f"{asked.student} has" if asked.student else "you have"
        other = "; a student's is read by --student NAME" if is_staff() and not asked.student else ""
        raise NbGraderException(f"{whose} submitted no {asked.assignment!r} that is still there{other}")
    found.sort(key=_time)
    told = Told(exchange, cache)
    failed = False
    for each in found[-MOST if asked.all else -1 :]:
        late = told.due(each.assignment, each.student).late(_time(each))
        title = f"{asked.course} {each.assignment}, {each.student}: {moment(_time(each))} ({each.time})"
        title += f", late by {span(late)}" if late else ""
        title += f", counts; there are {len(found)}" if each is found[-1] is not found[0] else ""
        try:
            with opened(each.folder, LIST) as folder:
                lines = [*_lines(asked.course, each, look(folder, LARGEST), in_exchange=bool(asked.student))]
        except (Refused, OSError) as error:
            failed = True
            lines = [f"It cannot be read: {error.strerror if isinstance(error, OSError) else error}"]
        print(shown("\n  ".join((title, *lines))))
    return int(failed)


def _of(student: str, inbound: Path) -> list[Kept]:
    """Those of inbound that are the student's; under their name anybody can put something there."""
    uids = {uid for uid, name in people() if name == student}
    if not uids:
        raise NbGraderException(f"there is no {student!r} among the course's people; write a login name")
    return [each for each in submissions(inbound) if each.student == student and _owner(each.folder) in uids]


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None


def _time(kept: Kept) -> datetime:
    time = stamped(kept.time)
    assert time is not None  # noqa: S101  (else it had not been found)
    return time


def _lines(course: str, kept: Kept, found: Found, *, in_exchange: bool) -> Iterator[str]:
    receipt = Receipt(course, kept.assignment, kept.student, kept.time, found.files)
    yield f"SHA-256 of all: {receipt.sha256}"
    for file in found.files:
        yield f"{file.name.encode(errors='surrogateescape').decode(errors='replace')}: {file.size} bytes, {file.sha256}"
    if found.receipt != receipt.dumped():
        yield OTHER if found.receipt else NO_RECEIPT
    if in_exchange:
        changed = datetime.fromtimestamp(found.changed, UTC).replace(tzinfo=None)
        after = changed - _time(kept)
        yield f"Last change by the file server's clock: {moment(changed)}" + (
            f", {span(after)} after the time that it says" if after > TOLERATED else ""
        )
