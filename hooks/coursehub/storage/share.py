"""The volume as whoever starts a server looks at it: only looked at, and never for long."""

import os
import stat
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from coursehub import pins
from coursehub.errors import Reason, Refused
from coursehub.threads import Slots

THREADS = 16


class Share:
    """Looks at the volume, off the event loop, for `timeout` seconds at most; it takes no right but to pass through."""

    def __init__(self, root: Path, timeout: float = 5.0) -> None:
        self._root = root
        self._timeout = timeout
        # While an NFS server hangs, so do its threads; there are never more of them.
        self._calls = Slots(THREADS, "share")

    async def check(
        self, home_path: str, uid: int, others: Iterable[str], course: tuple[str, int] | None = None
    ) -> None:
        """Raises Refused unless the home is there and belongs to `uid`, and all `others` are directories.

        Name and uid have no other home, and the directories of the `course`, a slug, have its gid.
        """
        await self._in_time(partial(self._look, home_path, uid, tuple(others), course))

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
            raise Refused(
                f"The file server refused a look at the volume ({error.strerror}).", Reason.FILE_SERVER
            ) from None

    def _look(self, home_path: str, uid: int, others: tuple[str, ...], course: tuple[str, int] | None) -> None:
        found = self._directory(home_path)
        if found is None or found.st_uid == uid:
            self._hold(partial(pins.hold_person, self._root, Path(home_path).name, uid))
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
        if course is not None:
            self._hold(partial(pins.hold_course, self._root, *course))
        for path in others:
            if self._directory(path) is None:
                raise Refused(
                    f"The course's directory {path} does not exist yet. Please tell the course's teacher.",
                    Reason.DIRECTORIES,
                )

    def _hold(self, look: Callable[[], None]) -> None:
        try:
            look()
        except Refused as pinned:
            raise Refused(
                f"Nothing was started: {pinned}. Please show this to the administrators.", pinned.reason
            ) from None
        except OSError as error:
            raise _refused_a_look(str(error.filename).removeprefix(f"{self._root}/"), error) from None

    def _directory(self, path: str) -> os.stat_result | None:
        try:
            found = (self._root / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refused_a_look(path, error) from None
        return found if stat.S_ISDIR(found.st_mode) else None


def _refused_a_look(path: str, error: OSError) -> Refused:
    return Refused(
        f"The file server refused a look at {path} ({error.strerror}). Please try again.", Reason.FILE_SERVER
    )
