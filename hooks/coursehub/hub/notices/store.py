"""The announcements that hold: one for the site and one for each course at most, kept over a restart."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from pydantic import ValidationError

from coursehub.errors import Refused
from coursehub.live.kept import CannotKeep, Kept
from coursehub.log import Log
from coursehub.threads import in_thread

from .announcement import Announcement

NAME = "announcements.json"


class AnnouncementStore:
    """By course, and the site's; a new one takes the place of the one before, and outlasts a restart of the hub."""

    def __init__(self, kept: Kept, log: Log, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._kept = kept
        self._log = log
        self._clock = clock
        self._all = self._load()
        self._turn = asyncio.Lock()

    def of(self, course: str | None) -> Announcement | None:
        """The one of the course, or of the site where `course` is None."""
        found = self._all.get(course)
        return found if found and found.holds(self._clock()) else None

    def all(self) -> list[Announcement]:
        """The site's first, then the courses' by slug."""
        now = self._clock()
        return sorted((found for found in self._all.values() if found.holds(now)), key=lambda found: found.course or "")

    async def put(self, announcement: Announcement) -> None:
        """Shows it from now on; raises Refused where it cannot be kept, and nothing has changed then."""
        async with self._turn:
            await self._keep({**self._all, announcement.course: announcement})

    async def clear(self, course: str | None) -> Announcement | None:
        """Takes down what is there of the course or the site, and says what it was; raises Refused as `put` does."""
        async with self._turn:
            was = self.of(course)
            if course in self._all:
                await self._keep({scope: found for scope, found in self._all.items() if scope != course})
            return was

    async def _keep(self, wanted: Mapping[str | None, Announcement]) -> None:
        now = self._clock()
        held = {scope: found for scope, found in wanted.items() if found.holds(now)}
        content = json.dumps([found.model_dump(mode="json") for found in held.values()]).encode()
        try:
            writing = in_thread(partial(self._kept.write, NAME, content), "announcements")
            await asyncio.wrap_future(writing)
        except CannotKeep as error:
            self._log.error("announcements: %s", error)
            raise Refused(f"it cannot be kept ({error}); nothing has changed") from None
        self._all = held

    def _load(self) -> Mapping[str | None, Announcement]:
        try:
            content = self._kept.read(NAME)
            kept = [Announcement.model_validate(entry) for entry in json.loads(b"[]" if content is None else content)]
        except (CannotKeep, ValueError, TypeError, ValidationError) as error:
            self._log.error("announcements: those from before this start cannot be read, and are gone: %s", error)
            return {}
        return {found.course: found for found in kept}
