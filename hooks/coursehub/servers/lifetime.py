"""How long a server lives: the times that hold for it, and whether they are over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from coursehub.config import durations, profiles
from coursehub.config.course import Course
from coursehub.config.profiles import Role
from coursehub.config.settings import Settings

# A server reports regularly, and at once where it was idle for longer than that: what the hub knows of it is never
# older than this many times `servers.activityInterval` (see images/singleuser/coursehub_activity.py).
REPORTS = 3


@dataclass(frozen=True)
class Limits:
    """Seconds that a server may be idle, and may run at all; None: for ever."""

    idle: int | None = None
    max_age: int | None = None


def limits(course: Course | None, role: Role, settings: Settings) -> Limits:
    """The times of a role's servers: the course's where it says something, else the site's.

    Nobody is idle before the hub would know that they are not: see `reporting`.
    """
    own = course.cull_for(role) if course else None
    idle = own.idle if own and own.idle is not None else settings.cull.idle
    max_age = own.max_age if own and own.max_age is not None else settings.cull.max_age
    return Limits(None if idle is None else max(idle, reporting(settings)), max_age)


def reporting(settings: Settings) -> int:
    """Seconds after which each server that is used has reported so to the hub."""
    return REPORTS * settings.servers.activity_interval


def limits_of(
    options: object, courses: Mapping[str, Course], settings: Settings, *, whole: bool = True
) -> Limits | None:
    """The times of a running server whose user options the hub has kept.

    What names no live course has the site's times. None where they are not known: the course is not live, and files
    are broken (not `whole`), so that it may have times of its own.
    """
    profile = profiles.of(options)
    if profile is None or profile.course is None:
        return limits(None, Role.GENERAL, settings)
    course = courses.get(profile.course)
    if course is None and not whole:
        return None
    return limits(course, profile.role, settings)


def verdict(server: Mapping[str, Any], limits: Limits, now: datetime, *, reported: bool = True) -> str | None:
    """Why the server, as JupyterHub's REST API describes it, is to be stopped at `now`; None where it stays.

    Until everybody has `reported`, nobody is idle. Raises ValueError where the description is none.
    """
    try:
        if server["pending"] or not server["ready"]:
            return None
        started, used = _moment(server["started"]), _moment(server["last_activity"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    if started and limits.max_age is not None and now - started >= timedelta(seconds=limits.max_age):
        return f"runs for {_span(now - started)} of at most {durations.text(limits.max_age)}"
    # What was used before this start was another server.
    since = max((moment for moment in (started, used) if moment), default=None)
    if reported and since and limits.idle is not None and now - since >= timedelta(seconds=limits.idle):
        return f"idle for {_span(now - since)} of at most {durations.text(limits.idle)}"
    return None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(span: timedelta) -> str:
    hours, rest = divmod(int(span.total_seconds()), 3600)
    return f"{hours}h {rest // 60}m" if hours else f"{rest // 60}m {rest % 60}s"
