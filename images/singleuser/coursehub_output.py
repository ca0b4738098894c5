"""What a command writes for its person: a file where they want it, whole or not at all, and over nothing of theirs."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

from nbgrader.converters.base import NbGraderException
from nbgrader_whole import replacing, told


def arguments(parser: ArgumentParser, default: str) -> None:
    """The options `--output` and `--force`; `default` is the file's name without them, in words."""
    parser.add_argument("--output", metavar="FILE", help=f"write this file instead of {default} in this folder")
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")


@contextmanager
def output(wanted: str, *, force: bool) -> Iterator[str]:
    """Gives the place to write what is at `wanted` once the block ends; NbGraderException where that cannot be."""
    path = os.path.abspath(wanted)
    if os.path.isdir(path):
        raise NbGraderException(f"{path!r} is a folder; name a file in it")
    if not force and os.path.lexists(path):
        raise NbGraderException(f"{path!r} is there already; name another with --output, or replace it with --force")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise NbGraderException(f"there is no folder {folder!r}; make it, or name another file with --output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NbGraderException(f"you cannot write into {folder!r}; name a file in your home with --output")
    try:
        with replacing(path) as made:
            yield made
    except OSError as error:
        raise NbGraderException(f"Nothing was exported to {path!r} {told(error)}") from None
