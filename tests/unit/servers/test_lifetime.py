"""How long servers live: which times hold for one, and when they are over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.servers import plan
from coursehub.servers.lifetime import Limits, limits, limits_of, verdict
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ANNA, MARIA, SITE, TODAY, course, site

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = 3600, 86400
STANDARD = Limits(HOUR, 8 * HOUR)


def ago(**span: float) -> str:
    """As JupyterHub writes a moment."""
    return (NOW - timedelta(**span)).isoformat().replace("+00:00", "Z")


def server(**keys: Any) -> dict[str, Any]:
    """What JupyterHub says of a server that was started two hours ago and is used now."""
    return {"pending": None, "ready": True, "started": ago(hours=2), "last_activity": ago()} | keys


STAYS = {
    "used now": server(),
    "idle for not quite so long": server(last_activity=ago(minutes=59, seconds=59)),
    "just started, last used yesterday": server(started=ago(minutes=1), last_activity=ago(days=1)),
    "never used, started lately": server(started=ago(minutes=59), last_activity=None),
    "starting": server(ready=False, pending="spawn", last_activity=ago(days=1)),
    "stopping": server(pending="stop", last_activity=ago(days=1)),
    "neither ready nor pending": server(ready=False, last_activity=ago(days=1)),
    "used in the future, by a clock that is fast": server(last_activity=ago(hours=-1)),
    "nobody knows when": server(started=None, last_activity=None),
    "nearly too old": server(started=ago(hours=7, minutes=59)),
}
ENDS = {
    "idle": (server(last_activity=ago(hours=1)), "idle for 1h 0m of at most 1h"),
    "idle for longer": (server(last_activity=ago(minutes=90)), "idle for 1h 30m of at most 1h"),
    "never used": (server(last_activity=None), "idle for 2h 0m of at most 1h"),
    "of an unknown age": (server(started=None, last_activity=ago(hours=3)), "idle for 3h 0m of at most 1h"),
    "too old, and used now": (server(started=ago(hours=8)), "runs for 8h 0m of at most 8h"),
    "times without a zone": (server(last_activity="2026-10-01T10:00:00"), "idle for 2h 0m of at most 1h"),
    "times of another zone": (server(last_activity="2026-10-01T13:30:00+03:00"), "idle for 1h 30m of at most 1h"),
}


@pytest.mark.parametrize("case", STAYS)
def test_a_server_stays_that_is(case: str) -> None:
    assert verdict(STAYS[case], STANDARD, NOW) is None


@pytest.mark.parametrize("case", ENDS)
def test_a_server_ends_that_is(case: str) -> None:
    model, reason = ENDS[case]
    assert verdict(model, STANDARD, NOW) == reason


def test_where_nothing_ends_servers_they_stay() -> None:
    assert verdict(server(started=ago(days=300), last_activity=ago(days=300)), Limits(), NOW) is None


def test_until_everybody_has_reported_nobody_is_idle_but_somebody_may_be_too_old() -> None:
    """After the hub was away, it knows only of old activity."""
    assert verdict(server(last_activity=ago(hours=2)), STANDARD, NOW, reported=False) is None
    assert verdict(server(started=ago(days=1)), STANDARD, NOW, reported=False) == "runs for 24h 0m of at most 8h"


@pytest.mark.parametrize(
    "model",
    [
        pytest.param({}, id="empty"),
        pytest.param(server(last_activity="yesterday"), id="no moment"),
        pytest.param(server(started=17), id="a number"),
        pytest.param({"pending": None, "ready": True}, id="half of it"),
        pytest.param([], id="a list"),
    ],
)
def test_what_describes_no_server_ends_none(model: Any) -> None:
    with pytest.raises(ValueError, match="Error"):
        verdict(model, STANDARD, NOW)


moments = st.integers(-HOUR, 40 * DAY)
spans = st.none() | st.integers(60, 30 * DAY)


@given(moments, st.none() | moments, spans, spans)
def test_no_server_ends_before_its_time_and_none_stays_after_it(
    age: int, unused: int | None, idle: int | None, max_age: int | None
) -> None:
    used = None if unused is None else ago(seconds=unused)
    ends = verdict(server(started=ago(seconds=age), last_activity=used), Limits(idle, max_age), NOW)
    quiet = age if unused is None else min(age, unused)
    due = (idle is not None and quiet >= idle) or (max_age is not None and age >= max_age)
    assert (ends is not None) == due


SHORT = SITE + "servers: {activityInterval: 60}\ncull: {idle: 2h, maxAge: 2d}\n"
TIMES = {
    "general use has the site's": (None, Role.GENERAL, Limits(2 * HOUR, 2 * DAY)),
    "a course that says nothing too": ("{}", Role.STUDENT, Limits(2 * HOUR, 2 * DAY)),
    "a course's are longer": ("{idle: 1d, max_age: 30d}", Role.STUDENT, Limits(DAY, 30 * DAY)),
    "or shorter": ("{idle: 10m, max_age: 1h}", Role.STUDENT, Limits(600, HOUR)),
    "one alone": ("{max_age: 8h}", Role.STUDENT, Limits(2 * HOUR, 8 * HOUR)),
    "instructors' go over the course's": (
        "{idle: 10m, max_age: 4h}\ninstructor: {cull: {idle: 3h}}",
        Role.INSTRUCTOR,
        Limits(3 * HOUR, 4 * HOUR),
    ),
    "also where they grade": ("{idle: 10m}\ninstructor: {cull: {idle: 3h}}", Role.GRADING, Limits(3 * HOUR, 2 * DAY)),
    "and students keep theirs": ("{idle: 10m}\ninstructor: {cull: {idle: 3h}}", Role.STUDENT, Limits(600, 2 * DAY)),
    "none before the hub would hear of use": ("{idle: 1m}", Role.STUDENT, Limits(180, 2 * DAY)),
}


@pytest.mark.parametrize("case", TIMES)
def test_the_times_of_a_server(case: str) -> None:
    keys, role, wanted = TIMES[case]
    assert limits(course(f"cull: {keys}") if keys else None, role, site(SHORT)) == wanted


def test_a_site_may_stop_nothing_and_a_course_still_may() -> None:
    never = site(SITE + "cull: {idle: never, maxAge: never}\n")
    assert limits(None, Role.GENERAL, never) == Limits()
    assert limits(course("cull: {idle: 30m}"), Role.STUDENT, never) == Limits(1800)


LIVE = {"c": course("cull: {idle: 10m}\ninstructor: {cull: {idle: 3h}}")}
OPTIONS: dict[str, tuple[object, int]] = {
    "the course": ({"profile": "c"}, 600),
    "its instructors": ({"profile": "c--instructor"}, 3 * HOUR),
    "general use": ({"profile": "general"}, 2 * HOUR),
    "nothing asked for": ({}, 2 * HOUR),
    "nothing kept": (None, 2 * HOUR),
    "a course that is gone": ({"profile": "gone"}, 2 * HOUR),
    "a role that is none": ({"profile": "c--boss"}, 2 * HOUR),
    "no word": ({"profile": None}, 2 * HOUR),
    "a list": ([], 2 * HOUR),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_the_times_go_by_the_profile_that_the_hub_kept(case: str) -> None:
    options, idle = OPTIONS[case]
    assert limits_of(options, LIVE, site(SHORT)) == Limits(idle, 2 * DAY)


def test_while_files_are_broken_a_course_that_is_not_live_may_have_any_times() -> None:
    assert limits_of({"profile": "gone"}, LIVE, site(SHORT), whole=False) is None
    assert limits_of({"profile": "c"}, LIVE, site(SHORT), whole=False) == Limits(600, 2 * DAY)
    assert limits_of({"profile": "general"}, LIVE, site(SHORT), whole=False) == Limits(2 * HOUR, 2 * DAY)


def test_a_server_knows_the_times_that_the_culler_goes_by() -> None:
    made = plan.make(ANNA, Profile(Role.INSTRUCTOR, "c"), LIVE["c"], site(SHORT), TODAY)
    assert made.environment["COURSEHUB_CULL_IDLE"] == str(3 * HOUR)
    assert made.environment["COURSEHUB_CULL_MAX_AGE"] == str(2 * DAY)
    free = plan.make(MARIA, GENERAL, None, site(SITE + "cull: {idle: never, maxAge: never}\n"), TODAY)
    assert not [name for name in free.environment if name.startswith("COURSEHUB_CULL")]
