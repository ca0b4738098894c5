"""JupyterLab's saving, which loses nothing where room ends: NFS may tell of a quota only when a file is flushed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class Contents(AsyncLargeFileManager):  # type: ignore[misc] # jupyter_server is untyped
    """Saves as Jupyter does; its way back to the older version ends before the flush, so that comes earlier here."""

    @contextmanager
    def atomic_writing(self, os_path: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yields the open file; where writing fails the older version is back, and of a new one nothing stays."""
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
                os.unlink(os_path)
            raise failure from None
