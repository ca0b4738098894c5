"""A file system for tests that behaves as file servers do: it squashes root, hangs, or fails, as it is told.

It shows the folder `tree`. Needs /dev/fuse, Debian's fuse3 and the package mfusepy; runs as a process of its own:
`python tests/fuse.py TREE MOUNT MOOD`, where the file MOOD says how it behaves.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Mood = Literal["well", "squash", "hang", "fail"]
NOBODY = 65534


def missing() -> str | None:
    """Why it cannot run here; None where it can."""
    if os.geteuid() != 0:
        return "only root mounts"
    if not Path("/dev/fuse").exists() or not Path("/usr/bin/fusermount3").exists():
        return "needs /dev/fuse and fuse3"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        return str(error)
    return None


class Mounted:
    """The file system while it is there."""

    def __init__(self, tree: Path, path: Path, mood: Path) -> None:
        self.tree, self.path, self._mood = tree, path, mood
        self.behave("well")

    def behave(self, mood: Mood) -> None:
        """From now on it is like this; what hung goes on once it does not hang any more."""
        new = self._mood.with_suffix(".new")
        new.write_text(mood)
        new.rename(self._mood)

    @contextmanager
    def served(self) -> Iterator[Mounted]:
        """Mounted, and gone afterwards, whatever hangs."""
        server = subprocess.Popen([sys.executable, __file__, self.tree, self.path, self._mood])
        try:
            end = time.monotonic() + 20
            while not self.path.is_mount():
                assert server.poll() is None, "it could not be mounted"
                assert time.monotonic() < end, "it is not mounted after 20 s"
                time.sleep(0.02)
            yield self
        finally:
            self.behave("well")
            subprocess.run(["fusermount3", "-u", "-z", self.path], check=False, capture_output=True)
            server.kill()
            server.wait()


@contextmanager
def mounted(folder: Path, over: Path | None = None) -> Iterator[Mounted]:
    """A file system that is well, with its files in `folder`; it shows nothing yet, or what it lies `over`."""
    tree, path = folder / "tree", over or folder / "mount"
    folder.mkdir(parents=True)
    if over:
        subprocess.run(["cp", "-a", over, tree], check=True)
    else:
        tree.mkdir()
        path.mkdir()
    with Mounted(tree, path, folder / "mood").served() as found:
        yield found


def _serve(tree: str, mount: str, mood: Path) -> None:
    import mfusepy

    def now() -> str:
        while (said := mood.read_text()) == "hang":
            time.sleep(0.02)
        if said == "fail":
            raise OSError(errno.EIO, "fails")
        return said

    def root_is_nobody() -> bool:
        return now() == "squash" and mfusepy.fuse_get_context()[0] == 0

    class FileServer(mfusepy.Operations):  # type: ignore[misc] # mfusepy is untyped
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            now()
            found = os.lstat(tree + path)
            keys = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
            return {key: getattr(found, key) for key in keys}

        def readdir(self, path: str, fh: int) -> list[str]:
            now()
            return [".", "..", *os.listdir(tree + path)]

        def mkdir(self, path: str, mode: int) -> int:
            squashed = root_is_nobody()
            if squashed and not os.lstat(os.path.dirname(tree + path)).st_mode & 0o002:
                raise OSError(errno.EACCES, "nobody may not write here")
            os.mkdir(tree + path, mode)
            if squashed:
                os.chown(tree + path, NOBODY, NOBODY)
            return 0

        def rmdir(self, path: str) -> int:
            now()
            os.rmdir(tree + path)
            return 0

        def chmod(self, path: str, mode: int) -> int:
            if root_is_nobody() and os.lstat(tree + path).st_uid != NOBODY:
                raise OSError(errno.EPERM, "nobody may not change this")
            os.chmod(tree + path, mode)
            return 0

        def chown(self, path: str, uid: int, gid: int) -> int:
            if root_is_nobody():
                raise OSError(errno.EPERM, "nobody gives nothing away")
            mode = os.lstat(tree + path).st_mode & 0o7777
            os.chown(tree + path, uid, gid)
            os.chmod(tree + path, mode)
            return 0

        def create(self, path: str, mode: int, fi: Any = None) -> int:
            now()
            return os.open(tree + path, os.O_CREAT | os.O_RDWR | os.O_EXCL, mode)

        def open(self, path: str, flags: int) -> int:
            now()
            return os.open(tree + path, flags)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            now()
            return os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            now()
            return os.pwrite(fh, data, offset)

        def rename(self, old: str, new: str) -> int:
            now()
            os.rename(tree + old, tree + new)
            return 0

        def unlink(self, path: str) -> int:
            now()
            os.unlink(tree + path)
            return 0

        def release(self, path: str, fh: int) -> int:
            os.close(fh)
            return 0

    os.umask(0)
    mfusepy.FUSE(
        FileServer(), mount, foreground=True, allow_other=True, attr_timeout=0, entry_timeout=0, negative_timeout=0
    )


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
