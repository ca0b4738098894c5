"""JupyterLab's files: nothing is lost where room ends, no link of another's is followed, nothing of theirs trusted.

NFS may tell of a quota only when a file is flushed. How links are kept from leading anywhere is in coursehub_places.py;
Jupyter's modules use the functions of coursehub_files.py in place of Python's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import coursehub_trust
from coursehub_checkpoints import Checkpoints
from coursehub_files import OS, SHUTIL, adopt
from coursehub_personal import Links
from coursehub_places import Refused, check, reach
from coursehub_trust import is_at_home, is_ones_own
from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.services.contents import filecheckpoints, fileio, filemanager, largefilemanager
from tornado import web
from traitlets import default

adopt(filecheckpoints, fileio, filemanager, largefilemanager, web)
UNTRUSTED = (
    "{!r} cannot be trusted: only notebooks that you own, in your home, can be. Copy it there if you know what it "
    "does, and run it."
)
SHOWN_ONLY = (
    "In the role grading notebooks outside the home are shown without what could run, and are not saved. Save it under "
    "another name in the home, or start the course as instructor to change it."
)


class Download(AuthenticatedFileHandler):  # type: ignore[misc] # jupyter_server is untyped
    """Gives files out as Jupyter does, which by itself follows any link."""

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Refuses before links are resolved; what cannot be reached at all is answered as ever."""
        with suppress(OSError), reach(os.path.join(root, path)):
            pass
        return str(super().get_absolute_path(root, path))


class Contents(Links, largefilemanager.AsyncLargeFileManager):  # type: ignore[misc] # jupyter_server is untyped
    """Saves as Jupyter does; its way back to the older version ends before the flush, so that comes earlier here."""

    @default("checkpoints_class")
    def _own_checkpoints(self) -> type[Checkpoints]:
        return Checkpoints

    @default("files_handler_class")
    def _own_downloads(self) -> type[Download]:
        return Download

    @contextmanager
    def atomic_writing(self, os_path: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yields the open file; where writing fails the older version is back, and of a new one nothing stays."""
        for name in (os_path, fileio.path_to_intermediate(os_path)):
            with self.perm_to_403(os_path), reach(name) as place:
                check(place, writing=True)
        new = not os.path.lexists(os_path)
        failure: OSError | None = None
        try:
            with super().atomic_writing(os_path, *args, **kwargs) as file:
                try:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                except OSError as error:
                    failure = error
                    # Its close would flush again and fail again, on the way to the older version.
                    with suppress(OSError):
                        file.close()
                    raise
        except FileNotFoundError:
            if not new or failure is None:
                raise
            # There is no older version to put back.
            with suppress(OSError):
                OS.unlink(os_path)
            raise failure from None

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Refuses what would lose what is not shown."""
        if model.get("type") == "notebook" and self._is_shown_only(path):
            raise web.HTTPError(403, SHOWN_ONLY)
        return dict(await super().save(model, path))

    async def delete_file(self, path: str) -> None:
        """Of a link, it is the link that goes."""
        os_path = self._get_os_path(path.strip("/"))
        if os.path.islink(os_path) and (self.allow_hidden or not await self.is_hidden(path)):  # noqa: ASYNC240
            with self.perm_to_403():
                OS.unlink(os_path)
        else:
            await super().delete_file(path)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Between two file systems it is a copy."""
        with self._all_or_nothing(self._get_os_path(new_path.strip("/"))):
            await super().rename_file(old_path, new_path)

    async def _copy_dir(self, from_path: str, to_path_original: str, to_name: str, to_path: str) -> dict[str, Any]:
        with self._all_or_nothing(self._get_os_path(to_path.strip("/"))):
            return dict(await super()._copy_dir(from_path, to_path_original, to_name, to_path))

    @contextmanager
    def _all_or_nothing(self, os_path: str) -> Iterator[None]:
        """Of a copy that is refused on its way nothing stays."""
        new = not os.path.lexists(os_path)
        try:
            yield
        except Refused:
            if new:
                SHUTIL.rmtree(os_path, ignore_errors=True)
            raise

    def is_writable(self, path: str) -> bool:
        """As JupyterLab is told."""
        if path.endswith(".ipynb") and self._is_shown_only(path):
            return False
        return bool(super().is_writable(path))

    def mark_trusted_cells(self, nb: Any, path: str = "") -> None:
        """What is another's opens untrusted, whatever signed it; and in *grading* without what could run."""
        if is_ones_own(self._get_os_path(path)):
            super().mark_trusted_cells(nb, path)
            return
        self.notary.mark_cells(nb, False)
        if coursehub_trust.IS_GRADING:
            # It takes a while to import, and most servers never need it.
            from coursehub_cleaning import clean_outputs

            clean_outputs(nb)

    def check_and_sign(self, nb: Any, path: str = "", **more: Any) -> None:
        """Signs what is one's own."""
        if is_ones_own(self._get_os_path(path)):
            super().check_and_sign(nb, path, **more)

    async def trust_notebook(self, path: str) -> None:
        """Refuses for what is another's."""
        if not is_ones_own(self._get_os_path(path)):
            raise web.HTTPError(403, UNTRUSTED.format(path))
        await super().trust_notebook(path)

    def _is_shown_only(self, path: str) -> bool:
        return coursehub_trust.IS_GRADING and not is_at_home(self._get_os_path(path.strip("/")))
