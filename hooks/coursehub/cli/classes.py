"""`coursehub classes`: when classes are held, how many people are expected at once, and whether nodes have room."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from coursehub.config import timetable
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.config.timetable import Held, Load

from . import kubectl, options, values
from .cluster import room
from .cluster.room import Room
from .common import FINE, PROBLEMS, say, site_and_courses, today, warn

_DAY = timedelta(days=1)


@click.command(
    "classes",
    cls=options.Verb,
    short_help="List classes, who is expected, and whether nodes have room.",
    example="coursehub classes --week --from 2027-01-11 --site values/SITE.yaml values/courses.yaml",
)
@options.site
@options.namespace
@click.option("--week", is_flag=True, help="A table of seven days: the most people expected at once in each hour.")
@click.option(
    "--from", "first", type=options.day, metavar="DAY", help="The first day, as 2027-01-11; without it today."
)
@click.option("--no-room", is_flag=True, help="Look at no cluster, so do not say whether its nodes have room.")
@options.as_json
@options.courses
def command(
    sites: Sequence[Path],
    namespace: str,
    week: bool,
    first: date | None,
    no_room: bool,
    as_json: bool,
    courses: Sequence[Path],
) -> int:
    """List the classes of two days in the order of time, as the course files have them (the key `classes`).

    "At once" is how many people are expected in all classes together when that of the line begins, "room" for how many
    of its own the nodes have room as they are now. The line below the table says when the most come at once: there has
    to be room for so many servers. Times are in the site's time zone.

    Exit 1: a class has no room, and no autoscaler adds nodes (classes.autoscaler). Where no cluster can be looked at,
    it says so, and room is not known.
    """
    site, loaded = site_and_courses(sites, courses)
    plan = _Timetable(loaded.catalog.courses, site, first or today(site), 7 if week else 2)
    if not no_room and plan.held:
        try:
            plan.look(room.look(namespace, values.of(sites)))
        except kubectl.KubectlError as error:
            warn(f"whether nodes have room is not known: {error}")
    lines = [*(plan.week() if week else plan.lines()), plan.most(), *plan.short()]
    say(plan.data(), lines, as_json=as_json)
    return PROBLEMS if any(plan.missing) and not site.classes.autoscaler else FINE


class _Timetable:
    """What is held at the site on some days, from the `first` on."""

    def __init__(self, courses: Mapping[str, Course], site: Settings, first: date, days: int) -> None:
        self._courses = courses
        self._site = site
        self._zone: ZoneInfo = site.zone
        self._days = [first + number * _DAY for number in range(days)]
        begin, end = (timetable.moment(day, time.min, self._zone) for day in (first, first + days * _DAY))
        self.held = list(timetable.occurrences(courses.values(), self._zone, begin, end))
        # For how many people of each class there is no room; empty where nobody has looked.
        self.missing: list[int] = []
        self._loads = timetable.loads(self.held)
        self._at_once = {load.begin: load.expected for load in self._loads}
        self._most = max(self._loads, key=lambda load: load.expected, default=None)

    def look(self, there: Room) -> None:
        """For each class, at its begin, among all that are held then."""
        for begin in dict.fromkeys(each.begin for each in self.held):
            then = [each for each in self.held if each.begin <= begin < each.end]
            found = there.missing(then, self._courses, self._site)
            self.missing += [missing for each, missing in zip(then, found, strict=True) if each.begin == begin]

    def short(self) -> Iterator[str]:
        """A sentence for each class without room, or one for all."""
        if self.missing and not any(self.missing):
            yield "the nodes have room for all of them"
        for each, missing in zip(self.held, self.missing, strict=False):
            if missing:
                begin, _ = self._here(each)
                what = (
                    f"{each.course}, {timetable.name(begin)} {begin:%H:%M}: {missing} of {each.expected} have no room"
                )
                if self._site.classes.autoscaler:
                    yield f"{what} on the nodes of now; the autoscaler has to add some"
                else:
                    yield f"{what}; add nodes before, or lower the course's guarantee"

    def lines(self) -> Iterator[str]:
        """A line a class."""
        if self.held:
            yield f"{'day':20}  from   until  expected  at once{'  room' * bool(self.missing)}  course"
        for index, each in enumerate(self.held):
            begin, end = self._here(each)
            there = f"  {each.expected - self.missing[index]:4}" if self.missing else ""
            yield (
                f"{timetable.name(begin):20}  {begin:%H:%M}  {end:%H:%M}  {each.expected:8}  "
                f"{self._at_once[each.begin]:7}{there}  {each.course}"
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
                {
                    "course": each.course,
                    **self._data(each),
                    "atOnce": self._at_once[each.begin],
                    "room": each.expected - self.missing[index] if self.missing else None,
                }
                for index, each in enumerate(self.held)
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
