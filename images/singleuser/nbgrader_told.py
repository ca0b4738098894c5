"""What a course's students can read of its due dates, in the exchange.

The gradebook is for instructors alone. So whatever changes a date there, or releases an assignment, writes the dates of
what is released into `outbound`, for all. A student's own, later date is nobody else's business: it is in a file of
`feedback`, a folder that students cannot list, under a name that only two can know: the student, whose server has made
the key that it comes of, and the course, for whose instructors that server has left the key in `inbound`.
"""

import hashlib
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator, Set
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from coursehub_files import OS, open_file
from coursehub_places import Refused
from coursehub_shared import COURSE
from nbgrader.converters.base import NbGraderException
from nbgrader_alone import Busy, alone
from nbgrader_due import Dates, Due, dumped, loaded
from nbgrader_extensions import carry, extensions, given
from nbgrader_people import people
from nbgrader_whole import reason, replacing
from sqlalchemy.exc import SQLAlchemyError

EXCHANGE = "/srv/nbgrader/exchange"
ALL, OWN, KEY = ".dates.json", ".dates-", ".key-"
_KEY = re.compile(rb"[0-9a-f]{64}")
# A person has one for each home, and anew where it was lost; whoever leaves more only spoils their own.
_KEYS = 5
_LARGEST = 2**20
log = logging.getLogger("nbgrader.told")


class Told:
    """What this server's person can know of the due dates of a course, of its folders in the exchange and the cache."""

    def __init__(self, exchange: Path, cache: Path) -> None:
        self._exchange = exchange
        self._cache = cache

    def due(self, assignment: str, student: str) -> Due:
        """When it is due for the student; of other students only instructors know it."""
        own = self._extensions.get(assignment, {}).get(student) if is_staff() else self._own.get(assignment)
        return Due(self._general.get(assignment), own)

    @cached_property
    def _general(self) -> Dates:
        return _read(self._exchange / "outbound" / ALL) or {}

    @cached_property
    def _own(self) -> Dates:
        if self._general:
            # A home can be full, and an archived course takes nothing.
            with suppress(OSError, Refused):
                return _read(_owns(self._exchange, _key(self._cache, self._exchange / "inbound"))) or {}
        return {}

    @cached_property
    def _extensions(self) -> dict[str, Dates]:
        try:
            return dict(extensions(COURSE))
        except (OSError, Refused, NbGraderException) as error:
            log.warning("Without extensions: %s", error)
            return {}


def is_staff() -> bool:
    """Whether this server can read /course."""
    return os.environ.get("COURSEHUB_ROLE") in ("instructor", "grading")


def tell(book: Any, course: str, exchange: Path) -> frozenset[str]:
    """The gradebook and what students can read follow the dates as they are; gives who can read an own one.

    Where that fails a warning says so: what was changed is changed, and whoever tells next tells all of it.
    """
    if course != COURSE:
        # Of another gradebook, which somebody tries out, students are told nothing.
        return frozenset()
    try:
        with alone(course, ALL, log):
            carry(book, course)
            return _tell(book, course, exchange)
    except SQLAlchemyError:
        book.db.rollback()
        why = "the gradebook cannot be read or written"
    except (OSError, Refused, Busy, NbGraderException) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
    log.warning("Students do not see the due dates as they are now: %s", why)
    return frozenset()


def _tell(book: Any, course: str, exchange: Path) -> frozenset[str]:
    everybodys = exchange / "outbound" / ALL
    # What is withdrawn may have been submitted; of what was never released nothing is told.
    released = {*os.listdir(exchange / "outbound"), *(_read(everybodys) or {})}
    due = [each for each in book.assignments if each.name in released and each.duedate]
    _write(everybodys, {each.name: each.duedate for each in due})
    own: dict[str, dict[str, Any]] = {}
    for assignment in due:
        for student, until in given(book, course, assignment).items():
            if until is not None:
                own.setdefault(student, {})[assignment.name] = until
    files: dict[Path, list[str]] = {}
    if own:
        files = {_owns(exchange, key): names for names, key in _keys(exchange / "inbound", own.keys())}
    for path, names in files.items():
        _write(path, {assignment: until for name in names for assignment, until in own[name].items()})
    for name in os.listdir(exchange / "feedback"):
        if name.startswith(OWN) and exchange / "feedback" / name not in files:
            OS.unlink(exchange / "feedback" / name)
    return frozenset(name for names in files.values() for name in names)


def _keys(inbound: Path, students: Set[str]) -> Iterator[tuple[list[str], bytes]]:
    """What the students' servers have left, each with its owner's names."""
    names: dict[int, list[str]] = {}
    for uid, name in people():
        if name in students:
            names.setdefault(uid, []).append(name)
    seen: dict[int, int] = {}
    with os.scandir(inbound) as entries:
        for entry in entries:
            with suppress(OSError, Refused):
                uid = entry.stat(follow_symlinks=False).st_uid if entry.name.startswith(KEY) else -1
                if uid not in names or seen.setdefault(uid, 0) == _KEYS:
                    continue
                seen[uid] += 1
                with open_file(inbound / entry.name, "rb") as reading:
                    key = reading.read(65)
                    if os.fstat(reading.fileno()).st_uid == uid and _KEY.fullmatch(key):
                        yield names[uid], key


def _key(cache: Path, inbound: Path) -> bytes:
    """The home's, which is in inbound too; made where there is none, or where its person had another uid."""
    kept = cache / KEY.rstrip("-")
    try:
        with open_file(kept, "rb") as reading:
            key: bytes = reading.read(65)
    except FileNotFoundError:
        key = b""
    left = inbound / _named(KEY, key)
    is_left = left.exists()
    if not _KEY.fullmatch(key) or (is_left and left.stat().st_uid != os.geteuid()):
        key = secrets.token_hex(32).encode()
        OS.makedirs(cache, exist_ok=True)
        _leave(kept, key, 0o600)
        left, is_left = inbound / _named(KEY, key), False
    if not is_left:
        _leave(left, key, 0o640)
    return key


def _leave(path: Path, key: bytes, mode: int) -> None:
    with replacing(str(path)) as made:
        with open_file(made, "wb") as writing:
            writing.write(key)
        OS.chmod(made, mode)


def _read(path: Path) -> Dates | None:
    try:
        with open_file(path, "rb") as reading:
            return loaded(json.loads(reading.read(_LARGEST)))
    except (OSError, Refused, ValueError, RecursionError):
        return None


def _write(path: Path, dates: Dates) -> None:
    if _read(path) == dates:
        return
    with replacing(str(path)) as made:
        with open_file(made, "w") as writing:
            json.dump(dumped(dates), writing, indent=1)
        OS.chmod(made, 0o664)


def _owns(exchange: Path, key: bytes) -> Path:
    return exchange / "feedback" / f"{_named(OWN, key)}.json"


def _named(beginning: str, key: bytes) -> str:
    return f"{beginning}{hashlib.sha256(beginning.encode() + key).hexdigest()}"
