"""What is wrong with the content of a course's directories: another group, mode or kind than work together needs."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from coursehub import layout
from coursehub.protocol import Fault

from . import archive, openat
from .course import CourseTree
from .faults import CLOSED, called


def _shared(mode: int, *, archived: bool) -> int:
    """The mode with which the group may do what the owner may; in an archived course all but write."""
    return mode | (mode & (0o500 if archived else 0o700)) >> 3


@dataclass(frozen=True)
class Contents:
    """Of a `course` on the volume at `root`; with `repair` it corrects what it safely can."""

    root: Path
    course: CourseTree
    repair: bool

    def look(self, top: str) -> Iterator[Fault]:
        """What is wrong below `top`, one of the course's directories."""
        try:
            with openat.folder(self.root, top) as held:
                for parent, path, name, found in openat.walk(held, top):
                    # The gradebook is one of the tree's entries, which have a look of their own.
                    if found is None:
                        yield self._not_entered(parent, f"{path}/{name}", name)
                    elif f"{path}/{name}" != f"{top}/gradebook.db":
                        # A submission loses setgid when its student, who is not in the group, changes its mode.
                        setgid = top != self.course.inbound
                        yield from self._content(parent, f"{path}/{name}", name, found, setgid=setgid)
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            yield Fault(top, CLOSED, seen=False)
        except OSError as error:
            yield Fault(top, f"cannot be looked into: {error.strerror}")

    def _not_entered(self, parent: int, path: str, name: str) -> Fault:
        try:
            os.close(openat.open_folder(parent, name))
        except PermissionError:
            return Fault(path, CLOSED, seen=False)
        except OSError as error:
            return Fault(path, f"cannot be looked into: {error.strerror}")
        return Fault(path, "is too deep to be looked into")

    def _content(self, parent: int, path: str, name: str, found: os.stat_result, *, setgid: bool) -> Iterator[Fault]:
        kind, mode, gid = stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), self.course.gid
        # The files that nbgrader writes into a submission last have the student's group; that is fine.
        if found.st_gid != gid and (setgid or path.count("/") == 3):
            yield Fault(path, f"has group {found.st_gid}, not the course's {gid}", self._group(parent, name))
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
                yield Fault(path, f"is {called(found)}; nobody needs one here")
            return
        close = partial(archive.mode, archived=self.course.archived)
        if close(mode) != mode:
            what = (
                "can be written by others than its owner, and the course is archived"
                if self.course.archived
                else "is closed as in an archived course, and the course is open"
            )
            yield Fault(path, what, self._mode(parent, name, close, kind))
        share = partial(_shared, archived=self.course.archived)
        shown = close(mode)
        if path.startswith(f"{layout.course_files(self.course.slug)}/") and share(shown) != shown:
            yield Fault(path, "is closed to others who teach the course", self._mode(parent, name, share, kind))

    def _group(self, parent: int, name: str) -> bool:
        if not self.repair:
            return False
        with suppress(OSError):
            found = openat.look(parent, name)
            if found is None:
                return False
            if stat.S_ISLNK(found.st_mode):
                os.chown(name, -1, self.course.gid, dir_fd=parent, follow_symlinks=False)
                return True
            if stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFDIR):
                with openat.entry(parent, name, stat.S_IFMT(found.st_mode)) as held:
                    if openat.is_alone(os.fstat(held)):
                        os.fchown(held, -1, self.course.gid)
                        return True
        return False

    def _mode(self, parent: int, name: str, change: Callable[[int], int], kind: int = stat.S_IFDIR) -> bool:
        return self.repair and openat.set_mode(parent, name, kind, change)
