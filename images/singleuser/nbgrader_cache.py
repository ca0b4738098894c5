"""Submissions by the names of their folders, in the exchange and in what nbgrader keeps of them in a home."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbgrader_times

_NAME = re.compile(rf"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+(?P<time>{nbgrader_times.STAMP})(?P<random>\+[^+]*)?")


@dataclass(frozen=True)
class Kept:
    """A submission as its folder's name has it; `time` is as it is written there."""

    folder: Path
    student: str
    assignment: str
    time: str
    random: str = ""


def named(path: Path) -> Kept | None:
    """The submission of this name; None where it is not one's, or has no time that there is."""
    found = _NAME.fullmatch(path.name)
    try:
        return Kept(path, **found.groupdict("")) if found and nbgrader_times.stamped(found["time"]) else None
    except (ValueError, OverflowError):
        return None


def submissions(above: Path) -> Iterator[Kept]:
    """Those in the folder `above`, by name; none where it is not there."""
    try:
        names = sorted(os.listdir(above))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if found := named(above / name):
            yield found
