"""What was handed in, and when: a receipt lies in each submission, in the exchange and in its student's home.

It says what the student's server read when it submitted. A submission stays its student's to change, so a receipt
proves nothing to others: what counts is what lies in the exchange, and `coursehub receipt` reads that anew.
"""

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass

from nbgrader_rules import Budget, Refused
from nbgrader_walk import Entry, walk

FILE = "submission_receipt.json"
# What a submission has beside its student's files.
ADDED = "timestamp.txt", "submission_secret.txt", FILE
# How a file is opened that is somebody's: without O_NONBLOCK a named pipe in its place would keep us waiting.
TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Of a character JSON makes twelve at most, and a file's size and hash have room beside its name.
_NAME, _REST = 12, 150
_LARGEST = 2**24


@dataclass(frozen=True, order=True)
class File:
    """One file of a submission, by its path in it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """Whose submission it is, when it was handed in (a stamp in UTC), and what is in it."""

    course: str
    assignment: str
    student: str
    submitted: str
    files: tuple[File, ...]

    @property
    def sha256(self) -> str:
        """One hash over all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def dumped(self) -> str:
        """As it lies in the submission."""
        return json.dumps({**asdict(self), "sha256": self.sha256})


@dataclass(frozen=True)
class Found:
    """What a submission's folder holds, what its receipt says, and the file system's time of the last change in it."""

    files: tuple[File, ...]
    receipt: str
    changed: float


def room(names: list[str]) -> int:
    """At most so many bytes has the receipt of files of these names."""
    return 1000 + sum(_NAME * len(name) + _REST for name in names)


def look(folder: int, most: int) -> Found:
    """Reads the open folder of a submission, which somebody may change meanwhile; Refused where it cannot be one.

    No link is followed, and at most `most` bytes are read.
    """
    budget = Budget(most)
    read, folders = [], [os.fstat(folder).st_ctime]
    for each in walk(folder, budget):
        if each.is_folder:
            folders.append(each.found.st_ctime)
        else:
            read.append(_file(each, budget))
    receipt = next((content for name, content, _ in read if name.name == FILE), b"")
    changed = max([*folders, *(time for _, _, time in read)])
    files = tuple(sorted(file for file, _, _ in read if file.name not in ADDED))
    return Found(files, receipt.decode(errors="replace"), changed)


def _file(entry: Entry, budget: Budget) -> tuple[File, bytes, float]:
    held = os.open(entry.name, TO_READ, dir_fd=entry.above)
    with open(held, "rb") as reading:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{entry.path!r} in it has become something else meanwhile")
        budget.take(size=found.st_size)
        hashed, left, content = hashlib.sha256(), found.st_size, b""
        while left and (part := reading.read(min(left, 2**20))):
            left -= len(part)
            hashed.update(part)
            if entry.path == FILE and len(content) < _LARGEST:
                content += part
        return File(entry.path, found.st_size - left, hashed.hexdigest()), content, found.st_ctime
