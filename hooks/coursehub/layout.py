"""The one tree on the shared volume: where things are, with which owner and mode, and whether they are there.

Parents belong to root and are only passed through. A leaf exists before a pod mounts it: kubelet would make it root's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The list of everyone with a home, for those who collect work.
PEOPLE = "people"
PEOPLE_LIST = f"{PEOPLE}/passwd"


def home(uid: int, name: str) -> str:
    """A person's home, relative to the volume; a hundred folders keep listings short."""
    return f"home/{uid % 100:02d}/{name}"


def course_files(slug: str) -> str:
    """What instructors see as /course."""
    return f"course/{slug}/files"


def gradebook(slug: str) -> str:
    """nbgrader's database of the course."""
    return f"{course_files(slug)}/gradebook.db"


def course_data(slug: str) -> str:
    """What is /coursedata."""
    return f"course/{slug}/data"


def exchange(slug: str) -> str:
    """The course's nbgrader exchange."""
    return f"exchange/{slug}"


@dataclass(frozen=True)
class Directory:
    """A directory that must be there; a `parent` belongs to root, and people only pass through it."""

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    parent: bool = False


@dataclass(frozen=True)
class File:
    """A file that must be there, empty where it is new; its owner may change, its group and mode stay."""

    path: str
    mode: int
    uid: int = 0
    gid: int = 0


TreeEntry = Directory | File


def people_tree() -> Iterator[TreeEntry]:
    """Where the list of everyone with a home is, and the list."""
    yield Directory(PEOPLE, 0o755, parent=True)
    yield File(PEOPLE_LIST, 0o644)


def home_tree(uid: int, gid: int, name: str) -> Iterator[Directory]:
    """The directories of a person, parents first."""
    leaf = home(uid, name)
    yield Directory("home", 0o755, parent=True)
    yield Directory(str(Path(leaf).parent), 0o755, parent=True)
    yield Directory(leaf, 0o700, uid, gid)


def course_tree(
    slug: str, gid: int, *, data: bool, data_writable: bool = False, archived: bool = False
) -> Iterator[TreeEntry]:
    """The entries of a course, parents first; in an archived course only root can write in these directories."""

    def closed(mode: int) -> int:
        return mode & ~0o1022 if archived else mode

    yield Directory("course", 0o755, parent=True)
    yield Directory(f"course/{slug}", 0o755, parent=True)
    yield Directory(course_files(slug), closed(0o2770), 0, gid)
    # Instructors share it; else the first one to grade would own it alone.
    yield File(gradebook(slug), 0o440 if archived else 0o660, 0, gid)
    if data:
        yield Directory(course_data(slug), closed(0o3777 if data_writable else 0o2775), 0, gid)
    yield Directory("exchange", 0o755, parent=True)
    leaf = exchange(slug)
    yield Directory(leaf, closed(0o2775), 0, gid)
    yield Directory(f"{leaf}/outbound", closed(0o2775), 0, gid)
    # Sticky: else a student could rename or remove what another student handed in.
    yield Directory(f"{leaf}/inbound", closed(0o3773), 0, gid)
    yield Directory(f"{leaf}/feedback", closed(0o2771), 0, gid)
