"""`coursehub classes`: when classes are held, and how many people are expected at once."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from coursehub.config import timetable
from coursehub.config.course import Course
from coursehub.config.timetable import Held, Load

from . import options
from .common import FINE, say, site_and_courses, today

_DAY = timedelta(days=1)


def _day(text: str) -> date:
    """The type of --from; years of four digits that no clock's zone leaves."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year < 3000:
        raise click.BadParameter(f"{text!r} is no day from 2000 to 2999; write one as 2027-01-11")
    return found


@click.command(
    "classes",
    cls=options.Verb,
    short_help="List when classes are held, and how many people come at once.",
    example="coursehub classes --week --from 2027-01-11 --site values/SITE.yaml values/courses.yaml",
)
@options.site
@click.option("--week", is_flag=True, help="A table of seven days: the most people expected at once in each hour.")
@click.option("--from", "first", type=_day, metavar="DAY", help="The first day, as 2027-01-11; without it today.")
@options.as_json
@options.courses
def command(sites: Sequence[Path], week: bool, first: date | None, as_json: bool, courses: Sequence[Path]) -> int:
    """List the classes of two days in the order of time, as the course files have them (the key `classes`).

    "At once" is how many people are expected in all classes together when that of the line begins. The last line says
    when they are the most: there has to be room for so many servers. Times are in the site's time zone.
    """
    site, loaded = site_and_courses(sites, courses)
    plan = _Timetable(loaded.catalog.courses.values(), site.zone, first or today(site), 7 if week else 2)
    say(plan.data(), [*(plan.week() if week else plan.lines()), plan.most()], as_json=as_json)
    return FINE


class _Timetable:
    """What is held at the site on some days, from the `first` on."""

    def __init__(self, courses: Iterable[Course], zone: ZoneInfo, first: date, days: int) -> None:
        self._zone = zone
        self._days = [first + number * _DAY for number in range(days)]
        begin, end = (timetable.moment(day, time.min, zone) for day in (first, first + days * _DAY))
        self._held = list(timetable.occurrences(courses, zone, begin, end))
        self._loads = timetable.loads(self._held)
        self._at_once = {load.begin: load.expected for load in self._loads}
        self._most = max(self._loads, key=lambda load: load.expected, default=None)

    def lines(self) -> Iterator[str]:
        """A line a class."""
        if self._held:
            yield f"{'day':20}  from   until  expected  at once  course"
        for each in self._held:
            begin, end = self._here(each)
            yield (
                f"{timetable.name(begin):20}  {begin:%H:%M}  {end:%H:%M}  {each.expected:8}  "
                f"{self._at_once[each.begin]:7}  {each.course}"
            )

    def week(self) -> Iterator[str]:
        """A line an hour, from the first that has a class to the last."""
        hours = list(zip(*map(self._hours, self._days), strict=True))
        busy = [hour for hour, row in enumerate(hours) if any(row)]
        if busy:
            yield "       " + "  ".join(f"{timetable.name(day):.3} {day:%m-%d}" for day in self._days)
            for hour in range(busy[0], busy[-1] + 1):
                yield f"{hour:02}:00  " + "  ".join(f"{expected or '-':>9}" for expected in hours[hour])

    def most(self) -> str:
        """The hardest time."""
        if self._most is None:
            return f"no class from {self._days[0]} through {self._days[-1]}"
        begin, end = self._here(self._most)
        return f"most at once: {self._most.expected}, {timetable.name(begin)} {begin:%H:%M} to {end:%H:%M}"

    def data(self) -> dict[str, Any]:
        """All of it as plain data; times with what the zone is ahead of UTC."""
        return {
            "timezone": self._zone.key,
            "from": str(self._days[0]),
            "through": str(self._days[-1]),
            "classes": [
                {"course": each.course, **self._data(each), "atOnce": self._at_once[each.begin]} for each in self._held
            ],
            "most": self._most and self._data(self._most),
        }

    def _data(self, of: Held | Load) -> dict[str, Any]:
        begin, end = (moment.isoformat(timespec="minutes") for moment in self._here(of))
        return {"from": begin, "until": end, "expected": of.expected}

    def _here(self, of: Held | Load) -> tuple[datetime, datetime]:
        return of.begin.astimezone(self._zone), of.end.astimezone(self._zone)

    def _hours(self, day: date) -> list[int]:
        """The most that are expected at once in each hour of the day."""
        begins = [timetable.moment(day, time(hour), self._zone) for hour in range(24)]
        ends = [*begins[1:], timetable.moment(day + _DAY, time.min, self._zone)]
        return [
            max((load.expected for load in self._loads if load.begin < end and begin < load.end), default=0)
            for begin, end in zip(begins, ends, strict=True)
        ]
