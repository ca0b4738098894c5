"""What a submission may hold: the same for whoever submits and for whoever collects.

Names, kinds, number, size and depth of what is in its folder, and the sentence that says what is wrong with it. Nothing
here reads or writes a file.
"""

import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

MOST_FILES = 2000
DEEPEST = 20
# A name's bytes that are no UTF-8, as Python has them.
_BYTES = range(0xDC80, 0xDD00)
# Characters that move the cursor, end a line, or are none.
_REFUSED = {"Cc", "Zl", "Zp", "Cs"}


class Refused(Exception):
    """What is wrong with a submission, in words."""


# In a traceback, before the sentence of an exception that has one.
_SAYS = re.compile(r"^(?:nbgrader\.[\w.]+|\w+\.Refused): ", re.MULTILINE)


@dataclass
class Budget:
    """What may still come of one submission, whose size is at most `most` bytes."""

    most: int
    files: int = 0
    size: int = 0

    def take(self, *, files: int = 0, size: int = 0, within: str = "") -> None:
        """Raises Refused where it is used up; `within` is the folder of the submission that took the last of it."""
        self.files += files
        self.size += size
        if self.files > MOST_FILES:
            raise Refused(f"it holds more than {MOST_FILES} files{within and f', up to those in {within!r}'}")
        if self.size > self.most:
            raise Refused(f"it is larger than a submission may be, {self.most // 1_000_000} MB in all")


def check_name(name: str) -> None:
    """Raises Refused where a file's name has a character that no screen shows as one.

    All others are somebody's alphabet, a space as macOS writes it, an emoji, or bytes of an older encoding.
    """
    for character in name:
        if unicodedata.category(character) in _REFUSED and ord(character) not in _BYTES:
            raise Refused(f"the name {name!r} in it has control characters")


def check_kind(path: str, mode: int) -> None:
    """Raises Refused where it is neither a plain file nor a folder; `path` is how it is called in the submission."""
    if stat.S_ISLNK(mode):
        raise Refused(f"{path!r} in it is a link")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Refused(f"{path!r} in it is neither a file nor a folder")


def check_depth(deep: int, path: str) -> None:
    """Raises Refused where folders are in each other too often."""
    if deep > DEEPEST:
        raise Refused(f"its folders are more than {DEEPEST} deep: {path[:80]!r}")


def is_ignored(name: str, patterns: Iterable[str]) -> bool:
    """Whether nbgrader leaves a file of this name out."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def shown(text: str) -> str:
    """The text with what a terminal would not print, or take for a command, escaped; lines and tabs stay."""
    return re.sub(r"[^\n\t -~]", lambda found: found[0] if found[0].isprintable() else ascii(found[0])[1:-1], text)


def last(text: str) -> str:
    """Of a sentence all, of a traceback what it ends with."""
    return (text.strip().splitlines() or [""])[-1]


def sentence(failure: str) -> str:
    """Of a traceback, what nbgrader or ours failed with; where that is another exception, all of it."""
    return _SAYS.split(failure)[-1].strip()
