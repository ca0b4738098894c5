"""What is on the volume says whose it is: a home's owner pins its name and its uid, the gid of its files a course.

Nobody but root makes or gives away what is looked at here, so a look at the paths is enough. A change of a pin is a
command of the storage host: `coursehub storage rename` and `regroup`.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from . import layout
from .errors import Reason, Refused
from .names import is_person

# Below are the system's groups; what has one is made, and not given to its course yet.
LEAST_GID = 1000


@dataclass(frozen=True, order=True)
class Home:
    """A home where it is, and its owner; one that is root's is nobody's yet, and none."""

    path: str
    name: str
    uid: int
    gid: int = field(default=0, compare=False)


class Homes:
    """All homes of a moment, by name and by uid."""

    def __init__(self, homes: Iterable[Home]) -> None:
        self._by: dict[str | int, list[Home]] = {}
        for home in homes:
            self.add(home)

    def add(self, home: Home) -> None:
        """One more."""
        for key in (home.name, home.uid):
            self._by.setdefault(key, []).append(home)

    def others(self, name: str, uid: int) -> list[Home]:
        """The homes that let `name` with this uid have none: of the name, or the uid's, and not where theirs is."""
        mine = Home(layout.home(uid, name), name, uid)
        return sorted({*self._by.get(name, ()), *self._by.get(uid, ())} - {mine})

    def hold(self, name: str, uid: int) -> None:
        """Raises Refused where `others` has one."""
        for other in self.others(name, uid):
            raise Refused(_why(other, name, uid), Reason.DIRECTORIES)

    def shared(self) -> Iterator[tuple[str, list[Home]]]:
        """Each name and each uid that has several homes, in words, and those homes."""
        for key, homes in self._by.items():
            if len(homes) > 1:
                yield (key if isinstance(key, str) else f"uid {key}"), sorted(homes)


def homes(root: Path) -> Iterator[Home]:
    """All homes."""
    for above in layout.HOMES:
        yield from _homes(root, above)


def _homes_of(root: Path, name: str, uid: int) -> Iterator[Home]:
    """Those in the uid's folder, and in the other folders those of the name."""
    own = layout.home(uid, name)
    for above in layout.HOMES:
        yield from _homes(root, above, None if f"{above}/{name}" == own else [name])


def _homes(root: Path, above: str, names: Iterable[str] | None = None) -> Iterator[Home]:
    folder = f"{root}/{above}"
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in filter(is_person, os.listdir(folder)) if names is None else names:
            with suppress(FileNotFoundError):
                found = os.lstat(f"{folder}/{name}")
                if stat.S_ISDIR(found.st_mode) and found.st_uid:
                    yield Home(f"{above}/{name}", name, found.st_uid, found.st_gid)


def hold_person(root: Path, name: str, uid: int, *, new: bool = False) -> None:
    """Raises Refused where a home on the volume says that the name has another uid, or the uid another name.

    A uid's homes are in its own folder. Whose home is `new` is looked for in all, since an admin can have put one
    elsewhere: a look at every home.
    """
    Homes(homes(root) if new else _homes_of(root, name, uid)).hold(name, uid)


def gid_of(root: Path, slug: str) -> int | None:
    """The gid that pins the course: of its files, or of what else is there of it; None where there is nothing."""
    for path in (layout.course_files(slug), layout.exchange(slug), layout.course_data(slug)):
        with suppress(FileNotFoundError, NotADirectoryError):
            found = os.lstat(root / path)
            if stat.S_ISDIR(found.st_mode) and found.st_gid >= LEAST_GID:
                return found.st_gid
    return None


def hold_course(root: Path, slug: str, gid: int) -> None:
    """Raises Refused where the course has another gid on the volume."""
    found = gid_of(root, slug)
    if found not in (None, gid):
        raise Refused(
            f"the directories of course '{slug}' belong to group {found}, not to {gid}: nothing was changed; if it is "
            f"the same course, an administrator runs `coursehub storage regroup {slug} --gid {gid}` on the storage "
            "host, else it needs another slug",
            Reason.DIRECTORIES,
        )


def _why(other: Home, name: str, uid: int) -> str:
    if other.uid != uid:
        why, what = f"the home {other.path} belongs to uid {other.uid}, not to {uid}", f"{name} has another uid now"
    elif other.name != name:
        why, what = f"uid {uid} has the home {other.path}", f"{other.name} is called {name} now"
    else:
        why, what = f"the home {other.path} of uid {uid} is in another uid's folder", "it is theirs"
    command = f"`coursehub storage rename {other.name} {name}{f' --uid {uid}' if other.uid != uid else ''}`"
    return f"{why}: nothing was changed; if {what}, an administrator runs {command} on the storage host"
