"""`coursehub course due`: what the dates of the courses bring."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import click

from coursehub.config import timetable
from coursehub.config.due import Due
from coursehub.config.due import due as find

from . import options
from .common import FINE, say, site_and_courses, today


@click.command(
    "due",
    cls=options.Verb,
    short_help="List what opens, closes and is archived soon.",
    example="coursehub course due --days 60 --site values/SITE.yaml values/courses.yaml",
)
@options.site
@click.option(
    "--days",
    type=options.whole(1, 3660),
    default=30,
    show_default=True,
    metavar="N",
    help="How many days, with the first.",
)
@click.option("--from", "first", type=options.day, metavar="DAY", help="The first day, as 2027-01-11; else today.")
@options.as_json
@options.courses
def due(sites: Sequence[Path], days: int, first: date | None, as_json: bool, courses: Sequence[Path]) -> int:
    """List what the dates in the course files bring, in the order of time; and what is left to do for it.

    A course opens on its first day for students, and closes after its last one. The hub does both, and takes an
    archived course from its students, without anybody; the directories are made and closed by the commands behind them,
    as root on the storage host. Days are the site's. It needs no cluster.
    """
    site, loaded = site_and_courses(sites, courses)
    begin = first or today(site)
    last = begin + timedelta(days=days - 1)
    found = find(loaded.catalog.courses.values(), begin, last)
    answer = {
        "from": str(begin),
        "through": str(last),
        "due": [{"day": str(each.day), "key": each.key, "course": each.course, "toDo": each.to_do} for each in found],
    }
    say(answer, _due_lines(found, begin, last), as_json=as_json)
    return FINE


def _due_lines(found: Sequence[Due], first: date, last: date) -> Iterator[str]:
    if not found:
        yield f"nothing opens, closes or is archived from {first} through {last}"
    width = max((len(each.course) for each in found), default=0)
    for each in found:
        what = f"{each.what}: {each.to_do}" if each.to_do else each.what
        yield f"{timetable.name(each.day):20}  {each.course:{width}}  {what}"
