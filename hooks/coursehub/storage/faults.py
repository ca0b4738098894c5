"""Faults in words, and few of a kind."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from coursehub.protocol import Fault

# So many places with the same fault are named; the others are counted.
EXAMPLES = 5
CLOSED = "may not be looked at from here"


def few(faults: Iterator[Fault]) -> Iterator[Fault]:
    """The first few of each kind, and how many more there are."""
    counts: Counter[tuple[str, bool]] = Counter()
    last: dict[tuple[str, bool], Fault] = {}
    for fault in faults:
        kind = fault.what, fault.done
        counts[kind] += 1
        if counts[kind] <= EXAMPLES:
            yield fault
        else:
            last[kind] = fault
        if len(counts) > 1000:
            # There are as many kinds as gids, and a person can make thousands on purpose.
            yield Fault(fault.path, "and more that is wrong in more than 1000 ways; the rest is not looked at")
            break
    for kind, fault in last.items():
        yield replace(fault, what=f"{fault.what}; and {counts[kind] - EXAMPLES - 1} more like it")


def described(found: os.stat_result) -> str:
    """Mode and owner."""
    return f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid}"


def called(found: os.stat_result) -> str:
    """The kind of entry."""
    names = {
        stat.S_IFLNK: "a symbolic link", stat.S_IFREG: "a file", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    return names.get(stat.S_IFMT(found.st_mode), "a device")
