"""What people handed in, by the uid that owns it: what nobody but root can make another's.

A server writes as its person alone. In inbound, which is sticky and root's, an entry stays its owner's under the name
that they gave it. Of /course/submitted and of any other folder that instructors write, nothing is believed.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from coursehub import layout

from . import openat

# As nbgrader writes it: UTC, or in earlier versions the course's zone by an abbreviation or as an offset.
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? (?:[A-Za-z]+|[+-][0-9]{2,6})")
_NAME = re.compile(rf"([^+]+)\+([^+]+)\+({TIME.pattern})(?:\+[^+]*)?")
# So many submissions of a person are looked at; whoever drops more drops them to be in the way.
MOST = 1000


class Submission(NamedTuple):
    """Whose it is, as its name says, of which assignment and time."""

    student: str
    assignment: str
    time: str


def by_owner(root: Path, slug: str) -> Mapping[int, Set[Submission]]:
    """The submissions in the course's inbound by their owner's uid; OSError where it is no directory."""
    found: defaultdict[int, set[Submission]] = defaultdict(set)
    for name, entry in _inbound(root, slug):
        named = _NAME.fullmatch(name)
        if named and stat.S_ISDIR(entry.st_mode) and len(found[entry.st_uid]) < MOST:
            found[entry.st_uid].add(Submission(*named.groups()))
    return found


def owners(root: Path, slug: str) -> frozenset[int]:
    """The uids of all who have something in the course's inbound; nobody where there is none."""
    with suppress(FileNotFoundError):
        return frozenset(entry.st_uid for _, entry in _inbound(root, slug))
    return frozenset()


def _inbound(root: Path, slug: str) -> Iterator[tuple[str, os.stat_result]]:
    with openat.folder(root, f"{layout.exchange(slug)}/inbound") as inbound, os.scandir(inbound) as entries:
        for entry in entries:
            if (found := openat.look(inbound, entry.name)) is not None:
                yield entry.name, found
