"""The one tree on the shared volume: where things are, with which owner and mode, and whether they are there.

Parents belong to root and are only passed through. A leaf exists before a pod mounts it: kubelet would make it root's.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .errors import Refused
from .threads import in_thread

THREADS = 16


def home(uid: int, name: str) -> str:
    """A person's home, relative to the volume; a hundred folders keep each short."""
    return f"home/{uid % 100:02d}/{name}"


def course_files(slug: str) -> str:
    """What instructors see as /course."""
    return f"course/{slug}/files"


def course_data(slug: str) -> str:
    """What is /coursedata."""
    return f"course/{slug}/data"


def exchange(slug: str) -> str:
    """The course's nbgrader exchange."""
    return f"exchange/{slug}"


@dataclass(frozen=True)
class Directory:
    """A directory that must be there."""

    path: str
    mode: int
    uid: int = 0
    gid: int = 0


def home_tree(uid: int, gid: int, name: str) -> Iterator[Directory]:
    """The directories of a person, parents first."""
    leaf = home(uid, name)
    yield Directory("home", 0o755)
    yield Directory(str(Path(leaf).parent), 0o755)
    yield Directory(leaf, 0o700, uid, gid)


def course_tree(slug: str, gid: int, *, data: bool, data_writable: bool) -> Iterator[Directory]:
    """The directories of a course, parents first."""
    yield Directory("course", 0o755)
    yield Directory(f"course/{slug}", 0o755)
    yield Directory(course_files(slug), 0o2770, 0, gid)
    if data:
        yield Directory(course_data(slug), 0o3777 if data_writable else 0o2775, 0, gid)
    yield Directory("exchange", 0o755)
    leaf = exchange(slug)
    yield Directory(leaf, 0o2775, 0, gid)
    yield Directory(f"{leaf}/outbound", 0o2775, 0, gid)
    yield Directory(f"{leaf}/inbound", 0o2773, 0, gid)
    yield Directory(f"{leaf}/feedback", 0o2771, 0, gid)


def ensure(root: Path, tree: Iterable[Directory], *, dry_run: bool = False) -> Iterator[str]:
    """Makes what is missing of `tree` under `root`, corrects owner and mode, and says each change; idempotent.

    Raises OSError where the volume does not let root make or own directories (root_squash), and NotADirectoryError
    where something else, such as a symbolic link, has the name.
    """
    for directory in tree:
        path = root / directory.path
        wanted = (directory.mode, directory.uid, directory.gid)
        try:
            found = path.lstat()
        except FileNotFoundError:
            yield f"make {directory.path} {directory.mode:04o} {directory.uid}:{directory.gid}"
            if not dry_run:
                path.mkdir(mode=0o700)
                _own(path, directory)
            continue
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "is in the way; a directory must be there", str(path))
        if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) != wanted:
            yield f"correct {directory.path} to {directory.mode:04o} {directory.uid}:{directory.gid}"
            if not dry_run:
                _own(path, directory)


def _own(path: Path, directory: Directory) -> None:
    # By descriptor: a course's group could put a link in the place of its directory meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(descriptor, directory.uid, directory.gid)
        os.fchmod(descriptor, directory.mode)
    finally:
        os.close(descriptor)


class Share:
    """The mounted volume as the hub sees it: only looked at, off the event loop, for `timeout` seconds at most."""

    def __init__(self, root: Path, timeout: float = 5.0) -> None:
        self._root = root
        self._timeout = timeout
        # A hung NFS server holds its threads for as long as it hangs; there are never more of them.
        self._slots = asyncio.Semaphore(THREADS)

    async def check(self, home_path: str, uid: int, others: Iterable[str]) -> None:
        """Raises Refused unless the home is there and `uid`'s, and each of `others` is a directory."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._slots.acquire()
                look = asyncio.wrap_future(in_thread(partial(self._look, home_path, uid, tuple(others)), "share"))
                look.add_done_callback(self._looked)
                await asyncio.shield(look)
        except TimeoutError:
            raise Refused("The file server does not answer. Please try again in a few minutes.") from None

    def _looked(self, look: asyncio.Future[None]) -> None:
        self._slots.release()
        if not look.cancelled():
            look.exception()  # nobody may be waiting for it any more

    def _look(self, home_path: str, uid: int, others: tuple[str, ...]) -> None:
        found = self._directory(home_path)
        if found is None:
            raise Refused(
                "Your home directory does not exist yet, so no server can be started. "
                f"Please ask the administrators to make it ({home_path})."
            )
        if found.st_uid != uid:
            raise Refused(
                f"Your home directory belongs to uid {found.st_uid}, but the directory says that you are uid {uid}. "
                f"Nothing was started; please show this to the administrators ({home_path})."
            )
        for path in others:
            if self._directory(path) is None:
                raise Refused(f"The course's directory {path} does not exist yet. Please tell the course's teacher.")

    def _directory(self, path: str) -> os.stat_result | None:
        try:
            found = (self._root / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Refused(f"The file server refused a look at {path} ({error.strerror}). Please try again.") from None
        return found if stat.S_ISDIR(found.st_mode) else None
