"""What is wrong on the volume: with each course's directories and their content, with homes, and with strangers.

It looks at one entry at a time and names few of a kind, so memory and report stay small on a tree of a million files.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coursehub import layout
from coursehub.errors import Refused
from coursehub.layout import Directory, File, TreeEntry
from coursehub.names import is_person
from coursehub.protocol import Fault

from . import archive, openat, volume

COURSES = ("course", "exchange")
TOP = ("home", *COURSES)
HOMES = frozenset(f"home/{number:02d}" for number in range(100))
# So many places with the same fault are named; the others are counted.
EXAMPLES = 5
_CLOSED = "may not be looked at from here"


@dataclass(frozen=True)
class CourseTree:
    """A course as its file has it; `data` is none, read-only or read-write."""

    slug: str
    gid: int
    data: str
    archived: bool = False

    @property
    def entries(self) -> tuple[TreeEntry, ...]:
        """What has to be there."""
        return volume.course_entries(self.slug, self.gid, self.data, self.archived)

    @property
    def tops(self) -> list[str]:
        """The directories whose content is the course's, inbound last."""
        found = [entry.path for entry in self.entries if isinstance(entry, Directory) and entry.path.count("/") == 2]
        return sorted(found, key=lambda path: (path == self.inbound, path))

    @property
    def inbound(self) -> str:
        """Where submissions are."""
        return f"{layout.exchange(self.slug)}/inbound"


@dataclass(frozen=True)
class Inspector:
    """Looks at the volume at `root`; with `repair` it corrects what it safely can. It never deletes or moves."""

    root: Path
    repair: bool = False

    def course(self, course: CourseTree) -> Iterator[Fault]:
        """What is wrong with a course: with its tree, beside it, and in it."""
        yield from self.tree([entry for entry in course.entries if entry.path not in TOP])
        tree = {entry.path for entry in course.entries}
        for above in (f"course/{course.slug}", layout.exchange(course.slug)):
            for name in self._names(above):
                if f"{above}/{name}" not in tree:
                    yield Fault(f"{above}/{name}", "is not part of a course's tree; move it to where it belongs")
        for top in course.tops:
            yield from _few(self._contents(course, top))

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
                yield Fault(entry.path, _CLOSED, seen=False)
                continue
            except OSError as error:
                yield Fault(entry.path, f"cannot be looked at: {error.filename}: {error.strerror}")
                continue
            if found is None:
                yield self._ensured(entry, f"is missing; has to be {volume.owned(entry)}")
            elif stat.S_IFMT(found.st_mode) != volume.kind(entry):
                what = "file" if isinstance(entry, File) else "directory"
                yield Fault(entry.path, f"is in the way: {_called(found)}; a {what} must be there")
            elif not volume.is_as_wanted(entry, found):
                yield self._ensured(entry, f"is {_described(found)}, has to be {volume.owned(entry)}")

    def strangers(self, slugs: Collection[str] | None) -> Iterator[Fault]:
        """Directories that belong to no course, where all of these are known, and folders that cannot hold homes."""
        if slugs is not None:
            for above in ("course", "exchange"):
                yield from _few(
                    Fault(f"{above}/{name}", "belongs to no course of the files; archive or move it, or add its course")
                    for name in self._names(above)
                    if name not in slugs
                )
        yield from _few(
            Fault(f"home/{name}", "is no folder of homes; those are home/00 to home/99")
            for name in self._names("home")
            if f"home/{name}" not in HOMES
        )

    def top(self, names: Sequence[str] = COURSES) -> Iterator[Fault]:
        """What is wrong with the volume's root and the parents of all: those of courses, or TOP."""
        root = self.root.stat()
        if root.st_uid or root.st_mode & 0o022:
            yield Fault(".", f"is {_described(root)}; give the volume's root to root, and let nobody else write in it")
        yield from self.tree([Directory(name, 0o755, parent=True) for name in names])

    def homes(self, people: Mapping[str, tuple[int, int]]) -> Iterator[Fault]:
        """Homes with a wrong mode, owner or place; `people` are those whom the site lists, with uid and gid."""
        homes = {layout.home(uid, name): (uid, gid) for name, (uid, gid) in people.items()}
        folders = {path.rpartition("/")[0] for path in homes} | {f"home/{name}" for name in self._names("home")} & HOMES
        yield from self.tree([Directory(path, 0o755, parent=True) for path in sorted(folders)])
        yield from _few(
            fault for path, owner in sorted(homes.items()) for fault in self._home(Directory(path, 0o700, *owner))
        )
        yield from _few(self._other_homes(people, homes))

    def people(self) -> Iterator[Fault]:
        """What is wrong with the list of everyone with a home."""
        yield from self.tree(tuple(layout.people_tree()))
        # `tree` has reported what can be in the way.
        with suppress(Refused, OSError):
            for change in volume.Volume(self.root).list_people(dry_run=not self.repair):
                if change.path == layout.PEOPLE_LIST and change.what == "correct":
                    yield Fault(change.path, f"does not list just those who have a home, {change.to}", change.done)

    def _home(self, leaf: Directory) -> Iterator[Fault]:
        above, _, name = leaf.path.rpartition("/")
        with suppress(OSError), openat.folder(self.root, above) as parent:
            found = openat.look(parent, name)
            if found is not None and stat.S_ISDIR(found.st_mode) and found.st_uid not in (0, leaf.uid):
                # The owner on the disk pins the home: a repair gives it to nobody else, whatever the directory says.
                what = f"belongs to uid {found.st_uid}, and the site says {leaf.uid}; give it to them by hand if it is"
                yield Fault(leaf.path, f"{what} theirs")
                return
        yield from self.tree([leaf])

    def _other_homes(self, people: Collection[str], homes: Collection[str]) -> Iterator[Fault]:
        for above in sorted(HOMES):
            for name in self._names(above):
                path = f"{above}/{name}"
                if path in homes:
                    continue
                with openat.folder(self.root, above) as parent:
                    found = openat.look(parent, name)
                    if found is None:
                        continue
                    if not is_person(name) or not stat.S_ISDIR(found.st_mode):
                        yield Fault(path, f"is no home but {_called(found)}; move it away")
                    elif name in people or found.st_uid == 0 or f"home/{found.st_uid % 100:02d}" != above:
                        yield Fault(path, "is not where its owner's home would be, or is nobody's")
                    elif (mode := stat.S_IMODE(found.st_mode)) != 0o700:
                        yield Fault(path, f"has mode {mode:04o}, not 0700", self._mode(parent, name, lambda _: 0o700))

    def _contents(self, course: CourseTree, top: str) -> Iterator[Fault]:
        try:
            with openat.folder(self.root, top) as held:
                for parent, path, name, found in openat.walk(held, top):
                    # `tree` looks at the gradebook.
                    if found is None:
                        yield self._not_entered(parent, f"{path}/{name}", name)
                    elif f"{path}/{name}" != f"{top}/gradebook.db":
                        # A submission loses setgid when its student, who is not in the group, changes its mode.
                        setgid = top != course.inbound
                        yield from self._content(parent, f"{path}/{name}", name, found, course, setgid=setgid)
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            yield Fault(top, _CLOSED, seen=False)
        except OSError as error:
            yield Fault(top, f"cannot be looked into: {error.strerror}")

    def _not_entered(self, parent: int, path: str, name: str) -> Fault:
        try:
            os.close(openat.open_folder(parent, name))
        except PermissionError:
            return Fault(path, _CLOSED, seen=False)
        except OSError as error:
            return Fault(path, f"cannot be looked into: {error.strerror}")
        return Fault(path, "is too deep to be looked into")

    def _content(
        self, parent: int, path: str, name: str, found: os.stat_result, course: CourseTree, *, setgid: bool
    ) -> Iterator[Fault]:
        kind, mode, gid = stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), course.gid
        # The files that nbgrader writes into a submission last have the student's group; that is fine.
        if found.st_gid != gid and (setgid or path.count("/") == 3):
            yield Fault(path, f"has group {found.st_gid}, not the course's {gid}", self._group(parent, name, gid))
        if kind == stat.S_IFDIR:
            if setgid and not mode & stat.S_ISGID:
                done = self._mode(parent, name, lambda mode: mode | stat.S_ISGID)
                yield Fault(path, "is not setgid, so new files get another group", done)
        elif kind == stat.S_IFREG:
            if mode & (stat.S_ISUID | stat.S_ISGID):
                done = self._mode(parent, name, lambda mode: mode & 0o1777, kind)
                yield Fault(path, "is a set-uid or set-gid program", done)
        else:
            if kind != stat.S_IFLNK:
                yield Fault(path, f"is {_called(found)}; nobody needs one here")
            return
        close = partial(archive.mode, archived=course.archived)
        if close(mode) != mode:
            what = (
                "can be written by others than its owner, and the course is archived"
                if course.archived
                else "is closed as in an archived course, and the course is open"
            )
            yield Fault(path, what, self._mode(parent, name, close, kind))

    def _ensured(self, entry: TreeEntry, what: str) -> Fault:
        if not self.repair:
            return Fault(entry.path, what)
        try:
            return Fault(entry.path, what, bool(list(volume.ensure(self.root, [entry]))))
        except (Refused, OSError) as error:
            return Fault(entry.path, f"{what}; could not be repaired: {error}")

    def _group(self, parent: int, name: str, gid: int) -> bool:
        if not self.repair:
            return False
        with suppress(OSError):
            found = openat.look(parent, name)
            if found is None:
                return False
            if stat.S_ISLNK(found.st_mode):
                os.chown(name, -1, gid, dir_fd=parent, follow_symlinks=False)
                return True
            if stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFDIR):
                with openat.entry(parent, name, stat.S_IFMT(found.st_mode)) as held:
                    if openat.is_alone(os.fstat(held)):
                        os.fchown(held, -1, gid)
                        return True
        return False

    def _mode(self, parent: int, name: str, change: Callable[[int], int], kind: int = stat.S_IFDIR) -> bool:
        return self.repair and openat.set_mode(parent, name, kind, change)

    def _names(self, path: str) -> Iterator[str]:
        try:
            with openat.folder(self.root, path) as held, os.scandir(held) as entries:
                for entry in entries:
                    yield entry.name
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return


def _few(faults: Iterator[Fault]) -> Iterator[Fault]:
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


def _described(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid}"


def _called(found: os.stat_result) -> str:
    names = {
        stat.S_IFLNK: "a symbolic link", stat.S_IFREG: "a file", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    return names.get(stat.S_IFMT(found.st_mode), "a device")
