"""Times as nbgrader writes and reads them: UTC in the exchange and the gradebook, the course's zone for people.

Earlier versions wrote the course's zone into a submission's name, as an abbreviation (EEST) or an offset (+08).
nbgrader takes the one for UTC and the other for seconds; here they are what they were.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from dateutil import parser

# A time in a submission's name.
STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? (?:[A-Za-z]+|[+-][0-9]{2,6})"
SHOWN = "%Y-%m-%d %H:%M:%S %Z"
# A time of day, and behind it an abbreviation, a zone's name or an offset.
_DIVIDED = re.compile(
    r"(.*:[0-9.]+(?: ?[ap]m)?) ?(?![ap]m$)([a-z][a-z0-9_/+-]*|[+-][0-9:]+)", re.DOTALL | re.IGNORECASE
)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?:?([0-9]{2})?")


def zone() -> str:
    """The course's, else the site's."""
    settings = json.loads(os.environ.get("COURSEHUB_NBGRADER", "{}"))
    return str(settings.get("NbGraderAPI", {}).get("timezone") or os.environ.get("TZ") or "UTC")


def now() -> str:
    """The stamp of what is submitted now."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def stamped(written: datetime | str | None) -> datetime | None:
    """A stamp's time in UTC, without a zone, as nbgrader's parse_utc; without a zone it is UTC already.

    Raises ValueError where it is no time, or its zone is none.
    """
    return _parsed(written, "UTC")


def meant(written: datetime | str | None) -> datetime | None:
    """As `stamped`, of what a person wrote: without a zone it is the course's time."""
    return _parsed(written, zone())


def shown(time: datetime, name: str = "") -> datetime:
    """A time in UTC, without a zone, as it is in the zone `name`, or else in the course's."""
    known = time.replace(tzinfo=UTC)
    try:
        return known.astimezone(_named(name or zone()) or UTC)
    except OverflowError:  # in the last or first hours of all years
        return known


def _parsed(written: datetime | str | None, otherwise: str) -> datetime | None:
    if written is None:
        return None
    name = ""
    if isinstance(written, str):
        divided = _DIVIDED.fullmatch(written.strip())
        text, name = divided.groups() if divided else (written, otherwise)
        written = parser.parse(text)
        if written.tzinfo is None:
            # Where an abbreviation has several meanings, the earliest favours the student.
            written = min(each.astimezone(UTC) for each in _meanings(written, name))
    return written if written.tzinfo is None else written.astimezone(UTC).replace(tzinfo=None)


def _meanings(time: datetime, name: str) -> list[datetime]:
    """An abbreviation is the course's before it is the site's, and theirs before it is any other zone's."""
    if name in ("UTC", "Z", "z"):
        return [time.replace(tzinfo=UTC)]
    if offset := _OFFSET.fullmatch(name):
        sign, *parts = offset.groups("0")
        hours, minutes, seconds = map(int, parts)
        away = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return [time.replace(tzinfo=UTC) + (away if sign == "-" else -away)]
    own, sites = zone(), os.environ.get("TZ", "")
    for names in ((own,), (sites,), () if name in (own, sites) else _all()):
        if found := [each for one in names for each in _called(time, one, name)]:
            return found
    if (known := _named(name)) is None:
        raise ValueError(f"{name!r} is no time zone")
    return [time.replace(tzinfo=known)]


def _called(time: datetime, zone: str, name: str) -> Iterator[datetime]:
    """Where the clocks go back, an hour is there twice, under two names as a rule."""
    if known := _named(zone):
        both = (time.replace(tzinfo=known, fold=fold) for fold in (0, 1))
        yield from (each for each in both if each.tzname() == name)


@cache
def _named(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def _all() -> tuple[str, ...]:
    return tuple(available_timezones())
