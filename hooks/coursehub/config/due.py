"""What becomes of courses on which day: the dates of their files in the order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from .course import Course

_WORDS = {"open": "opens", "close": "closes", "archive": "is archived"}
# Two keys can name one day.
_KEYS = list(_WORDS)


@dataclass(frozen=True)
class Due:
    """What the `key` of a course's file brings on the day: `close` is the last day for students."""

    day: date
    key: str
    course: str
    gid: int | None

    @property
    def what(self) -> str:
        """In words, after the course's name."""
        return _WORDS[self.key]

    @property
    def to_do(self) -> str | None:
        """What does not happen by itself, and is somebody's to do on the volume."""
        if self.gid is None:
            return None
        return {
            "open": f"coursehub course create {self.course}",
            "archive": f"coursehub course archive {self.course}",
        }.get(self.key)


def due(courses: Iterable[Course], first: date, last: date) -> list[Due]:
    """What the courses' dates bring from the first day through the last one."""
    found = [
        Due(day, key, course.slug, course.gid)
        for course in courses
        for key in _KEYS
        if (day := getattr(course, key)) is not None and first <= day <= last
    ]
    return sorted(found, key=lambda each: (each.day, _KEYS.index(each.key), each.course))
