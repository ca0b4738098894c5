"""Each class that is held, as two moments, and how many are expected at once.

Times are those on the wall. On the night when clocks go forward, a time that they skip is as much later as they do
(03:30 is 04:30 then), and a class of which nothing is left is not held; when they go back, a time that comes twice is
the first of the two. So PEP 495 has it (`fold=0`), and RFC 5545 for calendars.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from heapq import merge
from itertools import accumulate, pairwise

from .classes import ClassTime
from .course import Course
from .days import NAMES

# Nobody asks for the next class a year ahead.
_HORIZON = timedelta(days=366)


@dataclass(frozen=True, order=True)
class Held:
    """One class, from `begin` until before `end`, both in UTC."""

    begin: datetime
    end: datetime
    course: str
    expected: int

    def words(self, zone: tzinfo, now: datetime) -> str:
        """When it is, to somebody who reads it `now` in the zone."""
        begin, end = self.begin.astimezone(zone), self.end.astimezone(zone)
        if self.begin <= now:
            return f"now, until {end:%H:%M}"
        days = begin.toordinal() - now.astimezone(zone).toordinal()
        named = ("today", "tomorrow")[days] if days < 2 else f"{name(begin)},"
        return f"{named} {begin:%H:%M} to {end:%H:%M}"


@dataclass(frozen=True)
class Load:
    """How many are expected at once in all classes, from `begin` until before `end`, both in UTC."""

    begin: datetime
    end: datetime
    expected: int


def name(day: date) -> str:
    """A day for people to read, as Monday 2026-11-30."""
    return f"{NAMES[day.weekday()]} {day:%Y-%m-%d}"


def moment(day: date, at: time, zone: tzinfo) -> datetime:
    """In UTC, when the wall's clock in the zone shows the time on the day."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def occurrences(courses: Iterable[Course], zone: tzinfo, begin: datetime, end: datetime) -> Iterator[Held]:
    """The classes of the courses between two moments, in their order, with one that runs at `begin` already."""
    # What clocks skip before midnight is after it.
    all_days = range(begin.astimezone(zone).toordinal() - 1, end.astimezone(zone).toordinal() + 1)
    every = (_held(course, each, zone, all_days) for course in courses for each in course.classes)
    return (held for held in merge(*every) if begin < held.end and held.begin < end)


def _held(course: Course, each: ClassTime, zone: tzinfo, all_days: range) -> Iterator[Held]:
    on = course.open_days
    for day in each.days(range(max(all_days.start, on.start), min(all_days.stop, on.stop))):
        begin, end = moment(day, each.start, zone), moment(day, each.until, zone)
        if begin < end:
            yield Held(begin, end, course.slug, each.expected)


def upcoming(course: Course, zone: tzinfo, now: datetime) -> Held | None:
    """The course's class that runs now, else its next one within a year."""
    return next(occurrences([course], zone, now, now + _HORIZON), None)


def said(course: Course, zone: tzinfo, now: datetime) -> str | None:
    """When that class is, in words; None where there is none."""
    held = upcoming(course, zone, now)
    return held.words(zone, now) if held else None


def loads(held: Iterable[Held]) -> list[Load]:
    """What is expected at once, in the order of time; where it changes, the next begins."""
    changes: Counter[datetime] = Counter()
    for each in held:
        changes[each.begin] += each.expected
        changes[each.end] -= each.expected
    moments = sorted(changes)
    sums = accumulate(changes[at] for at in moments)
    return [Load(begin, end, expected) for (begin, end), expected in zip(pairwise(moments), sums, strict=False)]
