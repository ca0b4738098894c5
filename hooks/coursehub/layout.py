"""The one tree on the shared volume: where things are, with which owner and mode, and whether they are there.

Parents belong to root and are only passed through. A leaf exists before a pod mounts it: kubelet would make it root's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The folders of homes; a hundred keep listings short.
HOMES = tuple(f"home/{number:02d}" for number in range(100))


def home(uid: int, name: str) -> str:
    """A person's home, relative to the volume."""
    return f"{HOMES[uid % len(HOMES)]}/{name}"


def course_files(slug: str) -> str:
    """What instructors see as /course."""
    return f"course/{slug}/files"


def gradebook(slug: str) -> str:
    """nbgrader's database of the course."""
    return f"{course_files(slug)}/gradebook.db"


def course_people(slug: str) -> str:
    """The folder of the list of the course's people, for those who teach it."""
    return f"course/{slug}/people"


def people_list(slug: str) -> str:
    """The list, in lines of passwd."""
    return f"{course_people(slug)}/passwd"


def course_runs(slug: str) -> str:
    """A folder for each submission that is being executed, whose name nobody guesses."""
    return f"course/{slug}/runs"


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
    # Root writes it alone, and whoever teaches reads it.
    yield Directory(course_people(slug), 0o750, 0, gid)
    yield File(people_list(slug), 0o640, 0, gid)
    # A pod that executes a submission has no group of the course, and passes through to the folder that it is told.
    yield Directory(course_runs(slug), closed(0o2771), 0, gid)
    if data:
        yield Directory(course_data(slug), closed(0o3777 if data_writable else 0o2775), 0, gid)
    yield Directory("exchange", 0o755, parent=True)
    leaf = exchange(slug)
    yield Directory(leaf, closed(0o2775), 0, gid)
    yield Directory(f"{leaf}/outbound", closed(0o2775), 0, gid)
    # Sticky: else a student could rename or remove what another student handed in.
    yield Directory(f"{leaf}/inbound", closed(0o3773), 0, gid)
    yield Directory(f"{leaf}/feedback", closed(0o2771), 0, gid)
