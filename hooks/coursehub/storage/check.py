"""What is wrong on the volume: with each course's directories and their content, with homes, and with strangers.

It looks at one entry at a time and names few of a kind, so memory and report stay small on a tree of a million files.
"""

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from coursehub import layout, pins
from coursehub.errors import Refused
from coursehub.layout import HOMES, Directory, File, TreeEntry
from coursehub.names import is_person
from coursehub.protocol import Fault, Tenant

from . import openat, people, volume
from .contents import Contents
from .course import CourseTree
from .faults import CLOSED, EXAMPLES, called, described, few

COURSES = ("course", "exchange")
TOP = ("home", *COURSES)
_ONE = "nobody of them starts a server until one is left: `coursehub storage rename`, or move the others out of home/"


@dataclass(frozen=True)
class Inspector:
    """Looks at the volume at `root`; with `repair` it corrects what it safely can. It never deletes or moves."""

    root: Path
    repair: bool = False

    def course(self, course: CourseTree) -> Iterator[Fault]:
        """What is wrong with a course: with its tree, beside it, and in it; of one with another gid only that.

        No OSError keeps others unlooked at.
        """
        try:
            pins.hold_course(self.root, course.slug, course.gid)
        except Refused as pinned:
            yield Fault(layout.course_files(course.slug), str(pinned))
            return
        except OSError:
            # `tree` says what is in the way.
            found = replace(self, repair=False)._course(course)
        else:
            found = self._course(course)
        try:
            yield from found
        except OSError as error:
            yield Fault(f"course/{course.slug}", f"cannot be looked into to its end: {error.strerror}")

    def _course(self, course: CourseTree) -> Iterator[Fault]:
        yield from self.tree([entry for entry in course.entries if entry.path not in TOP])
        tree = {entry.path for entry in course.entries}
        for above in (f"course/{course.slug}", layout.exchange(course.slug)):
            for name in self._names(above):
                if f"{above}/{name}" not in tree:
                    yield Fault(f"{above}/{name}", "is not part of a course's tree; move it to where it belongs")
        yield from self._people(course)
        contents = Contents(self.root, course, self.repair)
        for top in course.tops:
            yield from few(contents.look(top))

    def tree(self, entries: Sequence[TreeEntry]) -> Iterator[Fault]:
        """Entries of the tree that are missing or have another kind, owner or mode."""
        for entry in entries:
            above, _, name = entry.path.rpartition("/")
            try:
                with openat.folder(self.root, above) as parent:
                    found = openat.look(parent, name)
            except FileNotFoundError:
                found = None
            except PermissionError:
                yield Fault(entry.path, CLOSED, seen=False)
                continue
            except OSError as error:
                yield Fault(entry.path, f"cannot be looked at: {error.filename}: {error.strerror}")
                continue
            if found is None:
                yield self._ensured(entry, f"is missing; has to be {volume.owned(entry)}")
            elif stat.S_IFMT(found.st_mode) != volume.kind(entry):
                what = "file" if isinstance(entry, File) else "directory"
                yield Fault(entry.path, f"is in the way: {called(found)}; a {what} must be there")
            elif not volume.is_as_wanted(entry, found):
                yield self._ensured(entry, f"is {described(found)}, has to be {volume.owned(entry)}")

    def strangers(self, slugs: Collection[str] | None) -> Iterator[Fault]:
        """Directories that belong to no course, where all of these are known, and folders that cannot hold homes."""
        if slugs is not None:
            for above in COURSES:
                yield from few(
                    Fault(f"{above}/{name}", "belongs to no course of the files; archive or move it, or add its course")
                    for name in self._names(above)
                    if name not in slugs
                )
        yield from few(
            Fault(f"home/{name}", "is no folder of homes; those are home/00 to home/99")
            for name in self._names("home")
            if f"home/{name}" not in HOMES
        )

    def top(self, needed: Sequence[str] = COURSES) -> Iterator[Fault]:
        """What is wrong with the volume's root and the parents of all: those of TOP that are needed or there."""
        root = self.root.stat()
        if root.st_uid or root.st_mode & 0o022:
            yield Fault(".", f"is {described(root)}; give the volume's root to root, and let nobody else write in it")
        names = [name for name in TOP if name in needed or os.path.lexists(self.root / name)]
        yield from self.tree([Directory(name, 0o755, parent=True) for name in names])

    def homes(self, people: Mapping[str, tuple[int, int]]) -> Iterator[Fault]:
        """Homes with a wrong mode, owner or place; `people` are those whom the site lists, with uid and gid."""
        homes = {layout.home(uid, name): (uid, gid) for name, (uid, gid) in people.items()}
        named = {f"home/{name}" for name in self._names("home")}
        folders = {path.rpartition("/")[0] for path in homes} | named.intersection(HOMES)
        yield from self.tree([Directory(path, 0o755, parent=True) for path in sorted(folders)])
        try:
            there = pins.Homes(pins.homes(self.root))
        except PermissionError as error:
            # Only who is not root has this, and repairs nothing.
            yield Fault(str(Path(error.filename).relative_to(self.root)), CLOSED, seen=False)
            there = pins.Homes(())
        except OSError as error:
            yield Fault("home", f"cannot be looked at: {error.filename}: {error.strerror}")
            return
        told = {other.path for name, (uid, _) in people.items() for other in there.others(name, uid)}
        leaves = (Directory(path, 0o700, *owner) for path, owner in sorted(homes.items()))
        yield from few(fault for leaf in leaves for fault in self._home(leaf, there))
        yield from few(self._other_homes(people, {*homes, *told}))
        for whose, several in there.shared():
            paths = [home.path for home in several]
            if not told.intersection(paths):
                yield Fault(paths[0], f"is one of {len(paths)} homes of {whose}: {', '.join(paths[:EXAMPLES])}; {_ONE}")

    @cached_property
    def _everyone(self) -> list[Tenant]:
        return volume.Volume(self.root).people()

    def _people(self, course: CourseTree) -> Iterator[Fault]:
        # `tree` has reported what is missing, closed or in the way.
        with suppress(Refused, OSError):
            for change in people.update(self.root, course.slug, self._everyone, course.people, dry_run=not self.repair):
                yield Fault(change.path, f"does not list just the people of the course, {change.to}", change.done)

    def _home(self, leaf: Directory, there: pins.Homes) -> Iterator[Fault]:
        # What is on the disk pins name and uid: a repair makes no other home, and gives none to anybody.
        try:
            there.hold(Path(leaf.path).name, leaf.uid)
        except Refused as pinned:
            yield Fault(leaf.path, str(pinned))
        else:
            yield from self.tree([leaf])

    def _other_homes(self, people: Collection[str], homes: Collection[str]) -> Iterator[Fault]:
        for above in HOMES:
            for name in self._names(above):
                path = f"{above}/{name}"
                if path in homes:
                    continue
                with openat.folder(self.root, above) as parent:
                    found = openat.look(parent, name)
                    if found is None:
                        continue
                    if not is_person(name) or not stat.S_ISDIR(found.st_mode):
                        yield Fault(path, f"is no home but {called(found)}; move it away")
                    elif name in people or found.st_uid == 0 or path != layout.home(found.st_uid, name):
                        yield Fault(path, "is not where its owner's home would be, or is nobody's")
                    elif (mode := stat.S_IMODE(found.st_mode)) != 0o700:
                        done = self.repair and openat.set_mode(parent, name, stat.S_IFDIR, lambda _: 0o700)
                        yield Fault(path, f"has mode {mode:04o}, not 0700", done)

    def _ensured(self, entry: TreeEntry, what: str) -> Fault:
        if not self.repair:
            return Fault(entry.path, what)
        try:
            return Fault(entry.path, what, bool(list(volume.ensure(self.root, [entry]))))
        except (Refused, OSError) as error:
            return Fault(entry.path, f"{what}; could not be repaired: {error}")

    def _names(self, path: str) -> Iterator[str]:
        try:
            with openat.folder(self.root, path) as held, os.scandir(held) as entries:
                for entry in entries:
                    yield entry.name
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return
