"""What a program prints: a line at a time, in which nothing moves a terminal's cursor, colours it or is unseen.

Names of files and of people, sentences of Kubernetes, the hub and a directory: each comes from outside, so no module
prints in another way.
"""

import io
import logging
import sys
from typing import TextIO

from . import text


def out(line: object) -> None:
    """Prints a line to standard output; a line end within it is shown, like all that is no text."""
    _print(text.shown(str(line)), sys.stdout)


def err(line: object) -> None:
    """Prints a line to standard error."""
    _print(text.shown(str(line)), sys.stderr)


def data(value: object) -> None:
    """Prints plain data to standard output, as JSON."""
    _print(text.as_json(value, indent=2), sys.stdout)


def logs(form: str, level: int, stream: TextIO | None = None) -> None:
    """What this program logs goes to `stream` (None: standard error), each message as a line."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines(form))
    logging.basicConfig(level=level, handlers=[handler])


class _Lines(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return text.shown(super().formatMessage(record))


def _print(line: str, stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
        # What the terminal has no letter for is no reason to end.
        stream.reconfigure(errors="backslashreplace")
    print(line, file=stream, flush=True)
