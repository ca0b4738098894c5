"""Checkpoints, which lie in one's own home.

Jupyter puts them beside the file, into a folder that anybody may have made who can write there. That is left as it is
where nobody else can.
"""

import os
from contextlib import suppress
from typing import Any

from coursehub_files import OS, SHUTIL
from coursehub_places import Refused, reach
from coursehub_process import home
from jupyter_server.services.contents.filecheckpoints import AsyncFileCheckpoints

KEPT = ".local/share/coursehub/checkpoints"


class Checkpoints(AsyncFileCheckpoints):  # type: ignore[misc] # jupyter_server is untyped
    """Jupyter's, in the home where others can write beside the file. /course is another one in each course."""

    def checkpoint_path(self, checkpoint_id: str, path: str) -> str:
        """Where the checkpoint is or would be."""
        file = self._get_os_path(path.strip("/"))
        folder, name = os.path.split(file)
        stem, ending = os.path.splitext(name)
        if _is_own(file) and os.access(folder, os.W_OK):
            return os.path.join(folder, self.checkpoint_dir, f"{stem}-{checkpoint_id}{ending}")
        return os.path.join(_kept(folder), f"{stem}-{checkpoint_id}{ending}")

    async def create_checkpoint(self, contents_mgr: Any, path: str) -> dict[str, Any]:
        """Makes or renews the one checkpoint of a file."""
        self._make_room(path)
        return dict(await super().create_checkpoint(contents_mgr, path))

    async def rename_checkpoint(self, checkpoint_id: str, old_path: str, new_path: str) -> None:
        """Goes with its file."""
        self._make_room(new_path)
        await super().rename_checkpoint(checkpoint_id, old_path, new_path)

    async def rename_all_checkpoints(self, old_path: str, new_path: str) -> None:
        """Those of a folder's files, too."""
        await super().rename_all_checkpoints(old_path, new_path)
        old, new = (_kept(self._get_os_path(path.strip("/"))) for path in (old_path, new_path))
        with suppress(FileNotFoundError):
            SHUTIL.rmtree(new, ignore_errors=True)
            OS.makedirs(os.path.dirname(new), 0o700, exist_ok=True)
            OS.rename(old, new)

    async def delete_all_checkpoints(self, path: str) -> None:
        """Those of a folder's files, too."""
        await super().delete_all_checkpoints(path)
        SHUTIL.rmtree(_kept(self._get_os_path(path.strip("/"))), ignore_errors=True)

    def _make_room(self, path: str) -> None:
        with self.perm_to_403():
            OS.makedirs(os.path.dirname(self.checkpoint_path("checkpoint", path)), 0o700, exist_ok=True)


def _is_own(file: str) -> bool:
    try:
        with reach(file) as place:
            return place.own
    except (Refused, OSError):
        return False


def _kept(folder: str) -> str:
    course = os.environ.get("COURSEHUB_COURSE") or "general"
    return os.path.join(home(), KEPT, course, os.path.normpath(folder).strip("/"))
