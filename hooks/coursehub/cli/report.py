"""A report: a line for each thing that was looked at, and what to do about one that is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .common import FINE, PROBLEMS, say


@dataclass(frozen=True)
class Line:
    """What one thing is like; `todo` is there where that is wrong."""

    what: str
    message: str
    todo: str | None = None


def show(lines: Sequence[Line], *, as_json: bool) -> int:
    """Prints the report, and is the exit code that it comes to."""
    # Scripts know the message by this name.
    answer = [{"what": line.what, "said": line.message, "todo": line.todo} for line in lines]
    say(answer, _text(lines), as_json=as_json)
    return PROBLEMS if any(line.todo for line in lines) else FINE


def _text(lines: Sequence[Line]) -> Iterator[str]:
    width = max(len(line.what) for line in lines)
    for line in lines:
        yield f"{'!' if line.todo else ' '} {line.what:{width}}  {line.message}"
        if line.todo:
            yield f"  {'':{width}}  -> {line.todo}"
