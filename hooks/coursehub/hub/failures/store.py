"""The records of servers that failed, kept for a set number of days."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Never

from coursehub.live.kept import CannotKeep, Kept
from coursehub.log import Log
from coursehub.names import is_person

from . import record
from .record import Failure

FOLDER = "failures"
# Of one person.
NEWEST = 5
_BETWEEN = 3600.0


class FailureStore:
    """Of each person their newest failures; what is older than `days()` is gone, also from where it was kept."""

    def __init__(self, kept: Kept, days: Callable[[], int], log: Log) -> None:
        self._kept = kept
        self._days = days
        self._log = log
        self._writing = asyncio.Lock()

    async def add(self, new: Failure) -> None:
        """Keeps one more; nobody's stop or start fails where it cannot."""
        async with self._writing:
            await asyncio.to_thread(self._add, new)

    async def of(self, user: str) -> list[Failure]:
        """The person's failures, the newest first; none where these cannot be read."""
        return await asyncio.to_thread(self._read, user) if is_person(user) else []

    async def prune(self) -> Never:
        """Takes away what is too old, now and each hour."""
        while True:
            async with self._writing:
                try:
                    await asyncio.to_thread(self._prune)
                except CannotKeep as error:
                    self._log.error("old failures of servers cannot be taken away: %s", error)
            await asyncio.sleep(_BETWEEN)

    def _add(self, new: Failure) -> None:
        def added(content: bytes | None) -> bytes:
            return record.dump([new, *self._parsed(new.user, content)][:NEWEST])

        if is_person(new.user):
            self._kept.change(_name(new.user), added)

    def _read(self, user: str) -> list[Failure]:
        try:
            return self._parsed(user, self._kept.read(_name(user)))
        except CannotKeep as error:
            self._log.warning("the kept failures of %s's server cannot be read: %s", user, error)
            return []

    def _parsed(self, user: str, content: bytes | None) -> list[Failure]:
        try:
            found = [] if content is None else record.parse(content)
        except (ValueError, TypeError, KeyError) as error:
            self._log.warning("the kept failures of %s's server cannot be read: %s", user, error)
            return []
        oldest = record.written(datetime.now(UTC) - timedelta(days=self._days()))
        return [failure for failure in found if failure.time >= oldest]

    def _prune(self) -> None:
        for name in self._kept.names(FOLDER):
            content = self._kept.read(name)
            left = self._parsed(PurePosixPath(name).stem, content)
            if not left:
                self._kept.remove(name)
            elif content != (new := record.dump(left)):
                self._kept.keep(name, new)


def _name(user: str) -> str:
    return f"{FOLDER}/{user}.json"
