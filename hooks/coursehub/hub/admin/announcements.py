"""What the hub's door does with announcements and usage, for `coursehub announce` and `coursehub quota report`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from coursehub.errors import Refused
from coursehub.hub.notices import announcement
from coursehub.hub.notices.announcement import Announcement
from coursehub.hub.notices.store import Board
from coursehub.hub.usage import usage
from coursehub.hub.usage.poll import Measuring
from coursehub.live.snapshot import Snapshot

from .queries import Question


class Telling:
    """Answers with plain data; raises Refused where something cannot be done."""

    def __init__(self, current: Callable[[], Snapshot], board: Board, measuring: Measuring) -> None:
        self._current = current
        self._board = board
        self._measuring = measuring

    @property
    def questions(self) -> Mapping[str, Question]:
        """By what is asked."""
        return {
            "announce": self.announce,
            "announcements": self.announcements,
            "clear": self.clear,
            "usage": self.usage,
        }

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
        before = self._board.of(course)
        if not dry_run:
            await self._board.put(made)
        return {"shown": self._plain(made), "before": self._plain(before)}

    async def clear(self, course: str | None, dry_run: bool) -> dict[str, Any]:
        """Takes it down; says what it was."""
        return {"before": self._plain(self._board.of(course) if dry_run else await self._board.clear(course))}

    async def announcements(self) -> dict[str, Any]:
        """All that are shown."""
        return {"announcements": [self._plain(each) for each in self._board.all()]}

    async def usage(self, by: usage.Order) -> dict[str, Any]:
        """The last count, the fullest first."""
        picture = self._measuring.picture
        if picture is None:
            why = self._measuring.failure or (
                "the site's values have usage.provider none; set filesystem or prometheus"
                if self._current().settings.usage.provider == "none"
                else "the first count is not done yet; try again in a while"
            )
            raise Refused(f"usage is not known: {why}")
        counted = datetime.fromtimestamp(picture.time, UTC).isoformat(timespec="seconds")
        return {"counted": counted, "usage": usage.report(picture, by)}

    def _plain(self, said: Announcement | None) -> dict[str, Any] | None:
        if said is None:
            return None
        zone = self._current().settings.zone
        return {
            "course": said.course,
            "level": str(said.level),
            "text": said.text,
            "since": said.since.astimezone(zone).isoformat(timespec="seconds"),
            "until": said.until and said.until.astimezone(zone).isoformat(timespec="minutes"),
        }
