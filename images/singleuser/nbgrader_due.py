"""Due dates: an assignment's, and a later one that the course gave to one student.

Moments are in UTC, without a zone, as nbgrader has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import nbgrader_times

# Each assignment's moment; None where there was one, and is no more.
Dates = Mapping[str, datetime | None]
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Due:
    """When an assignment is due: for everybody, and for one student. The later of both holds."""

    general: datetime | None = None
    own: datetime | None = None

    @property
    def extended(self) -> bool:
        """Whether the student's own date is the one that holds."""
        return self.general is not None and self.own is not None and self.own > self.general

    @property
    def time(self) -> datetime | None:
        """What holds; None where the assignment is never late."""
        return self.own if self.extended else self.general

    def late(self, submitted: datetime) -> timedelta:
        """By how much; zero where it is in time."""
        return max(timedelta(), submitted - self.time) if self.time else timedelta()

    def __str__(self) -> str:
        """As people read it, in the course's zone; empty where there is none."""
        if self.time is None:
            return ""
        return f"due {moment(self.time)}{', extended for you' if self.extended else ''}"


def moment(time: datetime) -> str:
    """The time in the course's zone."""
    return nbgrader_times.shown(time).strftime(nbgrader_times.SHOWN)


def span(late: timedelta) -> str:
    """The time in its two largest units, cut off below; at least a second."""
    left, parts = max(1, int(late.total_seconds())), []
    for unit, seconds in _UNITS:
        number, left = divmod(left, seconds)
        if number or parts:
            parts.append(f"{number} {unit}{'s' if number != 1 else ''}" if number else "")
    return " ".join(filter(None, parts[:2]))


def dumped(dates: Dates) -> dict[str, str | None]:
    """As JSON has them."""
    return {name: time and f"{time.isoformat()}Z" for name, time in sorted(dates.items())}


def loaded(found: object) -> Dates:
    """Of what JSON has; ValueError where these are no dates."""
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return {str(name): written and _read(str(written)) for name, written in found.items()}


def _read(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)
