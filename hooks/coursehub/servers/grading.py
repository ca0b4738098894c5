"""How far autograding is, as the server says in which it goes on: an instructor's, for a page of the hub.

Below the server's address is `coursehub/grading` (images/singleuser/coursehub_grading.py):

    GET     200 the keys of Grading
    POST    202 {"assignment": NAME, "again": true or false} is begun; `again` grades what is graded already, too
    DELETE  202 what goes on is cancelled

What is refused has {"message": SENTENCE}. **All of it is data of whoever has the server**, which can say anything.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from coursehub import text

PATH = "coursehub/grading"
# Bytes of an answer: more than the sentences of thousands of students take.
MOST = 4 * 2**20


def _last_line(said: str) -> str:
    """Of a sentence all, of a traceback what it ends with."""
    lines = said.rstrip()[-10 * text.LONGEST :].splitlines()
    return text.line(lines[-1]) if lines else ""


_Count = Annotated[int, Field(strict=True, ge=0, le=10**6)]
# As a folder's name can be, which is what an assignment or a student is there.
_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)]
_Student = Annotated[_Name, AfterValidator(text.shown)]
_Sentence = Annotated[str, StringConstraints(strict=True), AfterValidator(_last_line)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Ends(_Said):
    """How many submissions have ended, and how."""

    done: _Count = 0
    unchanged: _Count = 0
    failed: _Count = 0
    cancelled: _Count = 0

    def __str__(self) -> str:
        return ", ".join(f"{count} {how}" for how, count in self if count)


class Now(_Said):
    """What becomes of a submission now, and what it waits for."""

    state: _Sentence
    why: _Sentence

    def __str__(self) -> str:
        return f"{self.state}: {self.why}" if self.why else self.state


class Failure(_Said):
    """A student whose submission was not graded, and why."""

    student: _Student
    why: _Sentence


class Grading(_Said):
    """What goes on, or did last: `done` of `of` submissions have ended; without an assignment there was nothing yet.

    `assignments` can be graded, where the server says that.
    """

    running: Annotated[bool, Field(strict=True)]
    assignment: _Name | None
    of: _Count
    done: _Count
    ended: Ends
    now: Annotated[dict[_Student, Now], Field(max_length=1000)]
    failed: Annotated[tuple[Failure, ...], Field(max_length=5000)]
    error: _Sentence
    assignments: Annotated[tuple[_Name, ...], Field(max_length=1000)] = ()

    @classmethod
    def read(cls, body: bytes) -> Self | None:
        """What a server said; None where it is nothing of the kind."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            return None

    @property
    def told(self) -> str:
        """How it is, in a sentence without numbers: it changes seldom, so it can be read out."""
        if self.assignment is None:
            return "This server has graded nothing yet."
        name = text.shown(self.assignment)
        if self.running:
            return f"{name} is being graded."
        if self.error:
            return f"{name} was not graded. {self.error}"
        if self.ended.cancelled:
            return f"Grading {name} was cancelled. Grade it again to go on."
        return f"{name} is graded, without those below." if self.failed else f"{name} is graded."


class _Refusal(_Said):
    message: _Sentence = ""


def refusal(status: int, body: bytes) -> str:
    """The sentence in which a server refused something."""
    try:
        said = _Refusal.model_validate_json(body).message
    except ValidationError:
        said = ""
    return f"Your server says: {said}" if said else f"Your server refused it, with the HTTP status {status}."
