"""A zip of submissions that every system can unpack, written as a stream: of the same files the same bytes.

What lies in /course can be anybody's. So only plain files within the bounds of a submission are taken, each by a name
that leads nowhere else on any system; a zip has no owner, mode or time of theirs.
"""

import ntpath
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from coursehub_files import open_descriptor, open_file
from nbgrader_rules import Budget
from nbgrader_walk import walk

# What no file of Windows has in its name, and what cannot be written as UTF-8 or turns a name around.
_REFUSED = re.compile('[\x00-\x1f\x7f\\\\/:*?"<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_PART = 2**20
# A login has at most 63 characters; one before it says whether it is a word.
_LONGEST_WORD = 64
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


class Members:
    """Names in a zip: for each path one that is nobody else's, also where capitals count for nothing."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def of(self, *parts: str) -> str:
        """The name of a path, whose parts are names of folders and of what is in them."""
        if parts not in self._given:
            above = f"{self.of(*parts[:-1])}/" if parts[1:] else ""
            plain = _plain(parts[-1])
            stem, ending = os.path.splitext(plain)
            name, number = f"{above}{plain}", 1
            while _folded(name) in self._taken:
                number += 1
                name = f"{above}{stem}~{number}{ending}"
            self._taken.add(_folded(name))
            self._given[parts] = name
        return self._given[parts]


def files(folder: str, budget: Budget, ignore: list[str]) -> Iterator[str]:
    """The paths of a submission's files, in order; Refused, as collecting says it, where something is none."""
    held = open_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for entry in walk(held, budget, ignore):
            if not entry.is_folder:
                budget.take(size=entry.found.st_size)
                yield entry.path
    finally:
        os.close(held)


class Archive:
    """Fills an open zip with submissions; `renamed` of their files have another name in it, as in `example`."""

    def __init__(self, to: ZipFile) -> None:
        self._zip = to
        self._roots = Members()
        self.renamed = 0
        self.example = ""

    def add(self, root: str, folder: str, paths: Iterable[str], login: str = "") -> bool:
        """Adds a submission's files in the folder `root`; whether `login` is a word in them, or in their names."""
        members = Members()
        above = self._roots.of(root)
        mentions = Mentions(login)
        for path in paths:
            member = members.of(*path.split("/"))
            if member != path:
                self.renamed += 1
                self.example = self.example or f"{root}/{path}"
            self._copy(os.path.join(folder, path), f"{above}/{member}", mentions)
        return mentions.found

    def _copy(self, path: str, member: str, mentions: "Mentions") -> None:
        info = ZipInfo(member, _FIRST_DAY)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        mentions.read(f"\n{member}\n".encode())
        with open_file(path, "rb") as reading, self._zip.open(info, "w") as writing:
            left = os.fstat(reading.fileno()).st_size
            while left and (part := reading.read(min(left, _PART))):
                left -= len(part)
                mentions.read(part)
                writing.write(part)


class Mentions:
    """Whether a login is a word of what is read, part by part; at a part's end its beginning may count as one."""

    def __init__(self, login: str) -> None:
        inside = rb"[A-Za-z0-9_]"
        word = rb"(?<!%b)%b(?!%b)" % (inside, re.escape(login.encode()), inside)
        self._word = re.compile(word, re.IGNORECASE) if login else None
        self._rest = b""
        self.found = False

    def read(self, part: bytes) -> None:
        """Looks into the next part."""
        if self._word and not self.found:
            both = self._rest + part
            self.found = bool(self._word.search(both))
            self._rest = both[-_LONGEST_WORD:]


def _plain(name: str) -> str:
    """A name that every system takes for a file's or a folder's own."""
    plain = _REFUSED.sub("_", name)
    if ntpath.isreserved(plain):
        plain = f"_{plain}"
    return f"{plain}_" if ntpath.isreserved(plain) else plain


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
