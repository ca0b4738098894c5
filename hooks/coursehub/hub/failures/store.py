"""The records of servers that failed, kept on the hub's own volume for a set number of days."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Never

from coursehub import atomic
from coursehub.log import Log
from coursehub.names import is_person

from . import record
from .record import Failure

# Of one person.
NEWEST = 5
_BETWEEN = 3600.0


class FailureStore:
    """A file for each person with their newest failures; what is older than `days()` is gone, also from the disk."""

    def __init__(self, folder: Path, days: Callable[[], int], log: Log) -> None:
        self._folder = folder
        self._days = days
        self._log = log
        self._writing = asyncio.Lock()

    async def add(self, new: Failure) -> None:
        """Keeps one more; the log has what cannot be kept, and nobody's stop or start fails for it."""
        async with self._writing:
            try:
                await asyncio.to_thread(self._add, new)
            except OSError as error:
                self._log.error("the failure of %s's server is not kept: %s", new.user, error)

    async def of(self, user: str) -> list[Failure]:
        """The person's failures, the newest first; none where their file cannot be read."""
        return await asyncio.to_thread(self._read, user) if is_person(user) else []

    async def prune(self) -> Never:
        """Takes away what is too old, now and each hour."""
        while True:
            async with self._writing:
                try:
                    await asyncio.to_thread(self._prune)
                except OSError as error:
                    self._log.error("old failures of servers cannot be taken away: %s", error)
            await asyncio.sleep(_BETWEEN)

    def _add(self, new: Failure) -> None:
        if is_person(new.user):
            atomic.write(self._path(new.user), [record.dump([new, *self._read(new.user)][:NEWEST])])

    def _read(self, user: str) -> list[Failure]:
        try:
            found = record.parse(self._path(user).read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._log.warning("the kept failures of %s's server cannot be read: %s", user, error)
            return []
        oldest = record.written(datetime.now(UTC) - timedelta(days=self._days()))
        return [failure for failure in found if failure.time >= oldest]

    def _prune(self) -> None:
        for path in self._folder.glob("*.json"):
            kept = self._read(path.stem)
            if not kept:
                path.unlink()
            elif path.read_bytes() != (content := record.dump(kept)):
                atomic.write(path, [content])

    def _path(self, user: str) -> Path:
        return self._folder / f"{user}.json"
