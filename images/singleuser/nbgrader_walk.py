"""What the folder of a submission holds, which is somebody's, who may change it meanwhile; no link is followed."""

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from coursehub_carry import LIST, opened
from nbgrader_rules import MOST_FILES, Budget, check_depth, check_kind, check_name, is_ignored


class Entry(NamedTuple):
    """A file or a folder: `name` in the open folder `above`, and `path` in the submission."""

    path: str
    name: str
    above: int
    found: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it was one."""
        return stat.S_ISDIR(self.found.st_mode)


def walk(folder: int, budget: Budget, ignore: Sequence[str] = (), within: str = "", deep: int = 1) -> Iterator[Entry]:
    """All in the open folder, in order, a folder before what is in it; Refused where that is in no submission.

    The sizes are whoever's who reads the files.
    """
    check_depth(deep, within)
    with os.scandir(folder) as entries:
        found = sorted(islice(entries, MOST_FILES + 1), key=lambda entry: os.fsencode(entry.name))
    for entry in found:
        budget.take(files=1, within=within)
        if is_ignored(entry.name, ignore):
            continue
        check_name(entry.name)
        each = Entry(f"{within}{entry.name}", entry.name, folder, entry.stat(follow_symlinks=False))
        check_kind(each.path, each.found.st_mode)
        yield each
        if each.is_folder:
            with opened(each.name, LIST, folder) as below:
                yield from walk(below, budget, ignore, f"{each.path}/", deep + 1)
