"""What can go wrong, as types: a problem in a file, a refusal to a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from . import text


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a file that people write: where it is, what it is, what to write instead."""

    file: str
    line: int
    column: int
    message: str
    course: str | None = None

    def __str__(self) -> str:
        about = f"course '{self.course}': " if self.course else ""
        # It stays one line of a log, whatever the file holds.
        return text.shown(f"{self.file}:{self.line}:{self.column}: {about}{self.message}")


class CoursehubError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidFile(CoursehubError):
    """A file that cannot be used; `problems` holds every mistake found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Reason(StrEnum):
    """Why there is no server, in a word; a closed list, since the hub counts each."""

    CHOICE = "choice"
    NOT_LISTED = "not-listed"
    NOT_OPEN = "not-open"
    ACCOUNT = "account"
    COURSE = "course"
    DIRECTORIES = "directories"
    DIRECTORY_AWAY = "directory-away"
    PROVISIONER = "provisioner"
    FILE_SERVER = "file-server"
    GATE = "gate"
    LEFT = "left"
    OTHER = "other"

    @property
    def trouble(self) -> bool:
        """Whether something of the site's is broken, so that the same start can succeed once that is mended."""
        return self in _TROUBLE


_TROUBLE = frozenset({Reason.DIRECTORY_AWAY, Reason.PROVISIONER, Reason.FILE_SERVER, Reason.GATE})


class Refused(CoursehubError):
    """A server is not started; the message is a sentence that the person can act on."""

    def __init__(self, sentence: str, reason: Reason = Reason.OTHER) -> None:
        super().__init__(sentence)
        self.reason = reason


class GateClosed(CoursehubError):
    """The finished pod is not the plan's; the message names each difference, for the admin."""
