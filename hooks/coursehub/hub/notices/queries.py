"""What the hub does with announcements for `coursehub announce`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from coursehub.errors import Refused
from coursehub.hub.registry import Query
from coursehub.live.snapshot import Snapshot

from . import announcement
from .announcement import Announcement
from .store import AnnouncementStore


class AnnouncementQueries:
    """Answers with plain data; raises Refused where something cannot be done."""

    def __init__(self, current: Callable[[], Snapshot], store: AnnouncementStore) -> None:
        self._current = current
        self._store = store

    @property
    def queries(self) -> Mapping[str, Query]:
        """By name."""
        return {"announce": self.announce, "announcements": self.announcements, "clear": self.clear}

    async def announce(
        self, text: str, level: str, course: str | None, until: str | None, dry_run: bool
    ) -> dict[str, Any]:
        """Shows it in the place of the one before; says what is shown now, and what was."""
        now, here = datetime.now(UTC), self._current()
        if course is not None and course not in here.catalog.courses:
            raise Refused(f"there is no live course {course[:80]!r}; `coursehub course list` has them all")
        end = announcement.until(until, now, here.settings.zone) if until else None
        given = {"text": text, "level": level, "course": course, "since": now.replace(microsecond=0), "until": end}
        try:
            made = Announcement.model_validate(given)
        except ValidationError as error:
            raise Refused(announcement.wording(error)) from None
        before = self._store.of(course)
        if not dry_run:
            await self._store.put(made)
        return {"shown": self._plain(made), "before": self._plain(before)}

    async def clear(self, course: str | None, dry_run: bool) -> dict[str, Any]:
        """Takes it down; says what it was."""
        return {"before": self._plain(self._store.of(course) if dry_run else await self._store.clear(course))}

    async def announcements(self) -> dict[str, Any]:
        """All that are shown."""
        return {"announcements": [self._plain(found) for found in self._store.all()]}

    def _plain(self, found: Announcement | None) -> dict[str, Any] | None:
        if found is None:
            return None
        zone = self._current().settings.zone
        return {
            "course": found.course,
            "level": str(found.level),
            "text": found.text,
            "since": found.since.astimezone(zone).isoformat(timespec="seconds"),
            "until": found.until and found.until.astimezone(zone).isoformat(timespec="minutes"),
        }
