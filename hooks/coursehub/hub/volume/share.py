"""The volume where the hub mounts it: the hub only looks at it, and never waits long."""

import os
import stat
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path

from coursehub.errors import Reason, Refused
from coursehub.threads import Slots

THREADS = 16


class Share:
    """Looks at the volume, where it is `mounted`, off the event loop, for `timeout` seconds at most."""

    def __init__(self, root: Path, timeout: float = 5.0) -> None:
        self._root = root
        self._timeout = timeout
        # While an NFS server hangs, so do its threads; there are never more of them.
        self._calls = Slots(THREADS, "share")

    @cached_property
    def mounted(self) -> bool:
        """Whether the hub has the volume at all.

        The folder above it tells: a look at the mount itself would wait for a file server that hangs.
        """
        return self._root.parent.is_dir() and self._root.name in os.listdir(self._root.parent)

    async def check(self, home_path: str, uid: int, others: Iterable[str]) -> None:
        """Raises Refused unless the home is there and belongs to `uid`, and all `others` are directories."""
        await self._in_time(partial(self._look, home_path, uid, tuple(others)))

    async def answers(self) -> None:
        """Raises Refused unless the file server answers."""
        await self._in_time(self._ask)

    async def _in_time(self, look: Callable[[], None]) -> None:
        try:
            await self._calls.run(look, self._timeout)
        except TimeoutError:
            raise Refused(
                "The file server does not answer. Please try again in a few minutes.", Reason.FILE_SERVER
            ) from None

    def _ask(self) -> None:
        try:
            # The kernel cannot answer it from memory, as it can a look at a directory.
            os.statvfs(self._root)
        except OSError as error:
            raise Refused(f"The file server refused a look at the volume ({error.strerror}).") from None

    def _look(self, home_path: str, uid: int, others: tuple[str, ...]) -> None:
        found = self._directory(home_path)
        if found is None:
            raise Refused(
                "Your home directory does not exist yet, so no server can be started. "
                f"Please ask the administrators to make it ({home_path}).",
                Reason.DIRECTORIES,
            )
        if found.st_uid != uid:
            raise Refused(
                f"Your home directory belongs to uid {found.st_uid}, but the directory says that you are uid {uid}. "
                f"Nothing was started; please show this to the administrators ({home_path}).",
                Reason.DIRECTORIES,
            )
        for path in others:
            if self._directory(path) is None:
                raise Refused(
                    f"The course's directory {path} does not exist yet. Please tell the course's teacher.",
                    Reason.DIRECTORIES,
                )

    def _directory(self, path: str) -> os.stat_result | None:
        try:
            found = (self._root / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Refused(
                f"The file server refused a look at {path} ({error.strerror}). Please try again.", Reason.FILE_SERVER
            ) from None
        return found if stat.S_ISDIR(found.st_mode) else None
