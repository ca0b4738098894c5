"""Gives what is below a directory to another owner or group: whatever it is, through no link, again where it ended."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import openat

# After so many entries it is said how far it is.
STEP = 20_000

# Uid and gid that an entry is to have.
Owner = Callable[[os.stat_result], tuple[int, int]]
Progress = Callable[[str, int], None]


@dataclass
class Given:
    """How much below `path` was given to `to`; `left` stayed, such as files that have a name elsewhere too."""

    path: str
    to: str
    count: int = 0
    left: int = 0
    done: bool = True

    def __str__(self) -> str:
        said = f"give {self.count} files and directories in {self.path} to {self.to}"
        if self.left:
            said += f"; {self.left} stay as they are: they have names elsewhere too (hard links), or are too deep"
        return said


@dataclass
class _Linked:
    """A file with several names: where the first is, and how many were seen."""

    given: Given
    above: str
    name: str
    seen: int = 0


@dataclass
class _Walk:
    root: Path
    owner: Owner
    dry_run: bool
    progress: Progress
    linked: dict[tuple[int, int], _Linked] = field(default_factory=dict)

    def below(self, top: str, given: Given) -> None:
        seen = 0
        with openat.folder(self.root, top) as held:
            for parent, above, name, found in openat.walk(held, top):
                seen += 1
                if seen % STEP == 0:
                    self.progress(top, seen)
                if found is None:
                    given.left += 1
                elif (found.st_uid, found.st_gid) != self.owner(found):
                    if openat.is_alone(found):
                        self.give(given, parent, name, found)
                    else:
                        place = self.linked.setdefault((found.st_dev, found.st_ino), _Linked(given, above, name))
                        place.seen += 1

    def give(self, given: Given, parent: int, name: str, found: os.stat_result) -> None:
        if self.dry_run or openat.give_away(parent, name, found, *self.owner(found)):
            given.count += 1
        else:
            given.left += 1

    def give_linked(self) -> None:
        for each in self.linked.values():
            with openat.folder(self.root, each.above) as parent:
                found = openat.look(parent, each.name)
                if found is None or found.st_nlink != each.seen:
                    each.given.left += each.seen
                else:
                    self.give(each.given, parent, each.name, found)


def give_below(
    root: Path, tops: Sequence[str], owner: Owner, to: str, *, dry_run: bool, progress: Progress
) -> Iterator[Given]:
    """Gives each entry below `tops`, not these themselves, to its `owner`; what is theirs already is passed over.

    A file with several names is given where all of them are below `tops`: else it can be somebody else's too.
    """
    walk = _Walk(root, owner, dry_run, progress)
    all_given = [Given(top, to, done=not dry_run) for top in tops]
    for given in all_given:
        walk.below(given.path, given)
    walk.give_linked()
    return (given for given in all_given if given.count or given.left)


def give(root: Path, path: str, owner: Owner) -> None:
    """Gives the directory `path` itself."""
    above, _, name = path.rpartition("/")
    with openat.folder(root, above) as parent, openat.entry(parent, name, stat.S_IFDIR) as held:
        os.fchown(held, *owner(os.fstat(held)))
