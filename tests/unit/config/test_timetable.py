"""The classes between two moments: at the time on the wall in every zone, on nights of changed clocks too."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from coursehub.config import timetable
from coursehub.config.course import Course
from coursehub.config.days import WEEKDAYS
from coursehub.config.timetable import Held, Load
from hypothesis import given
from hypothesis import strategies as st

from tests.support import catalog, course

HELSINKI = ZoneInfo("Europe/Helsinki")
MONDAYS = 'classes: [{day: mon, from: "10:15", until: "12:00", expected: 120}]'
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """A moment by Helsinki's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


def held(
    courses: Course | Sequence[Course], begin: str, end: str, zone: ZoneInfo = HELSINKI
) -> list[tuple[str, str, str]]:
    """Course, begin and end in UTC of what is held."""
    some = [courses] if isinstance(courses, Course) else courses
    found = timetable.occurrences(some, zone, at(begin), at(end))
    return [(each.course, f"{each.begin:%Y-%m-%d %H:%M}", f"{each.end:%H:%M}") for each in found]


def test_a_weekly_class_is_at_the_same_time_on_the_wall_before_and_after_the_clocks_change() -> None:
    assert held(course(MONDAYS), "2026-10-18", "2026-11-01") == [
        ("c", "2026-10-19 07:15", "09:00"),
        ("c", "2026-10-26 08:15", "10:00"),
    ]


def test_classes_lie_from_open_through_close_and_end_with_the_archive() -> None:
    term = course(f"open: 2026-10-12\nclose: 2026-10-26\n{MONDAYS}")
    assert [day[:10] for _, day, _ in held(term, "2026-01-01", "2027-12-31")] == [
        "2026-10-12",
        "2026-10-19",
        "2026-10-26",
    ]
    old = course(f"open: 2026-10-12\narchive: 2026-10-26\n{MONDAYS}")
    assert [day[:10] for _, day, _ in held(old, "2026-01-01", "2027-12-31")] == ["2026-10-12", "2026-10-19"]


def test_classes_of_many_courses_come_in_the_order_of_time() -> None:
    live = catalog(
        "courses:\n"
        '  b: {name: B, classes: [{day: tue, from: "08:00", until: "09:00", expected: 1}]}\n'
        '  a: {name: A, classes: [{day: tue, from: "08:00", until: "09:00", expected: 1}, '
        '{date: 2026-10-19, from: "14:00", until: "15:00", expected: 1}]}\n'
    )
    assert [each[:2] for each in held([*live.courses.values()], "2026-10-19", "2026-10-21")] == [
        ("a", "2026-10-19 11:00"),
        ("a", "2026-10-20 05:00"),
        ("b", "2026-10-20 05:00"),
    ]


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        pytest.param("2026-10-19T12:00", "2026-10-19T13:00", 0, id="it has ended"),
        pytest.param("2026-10-19T11:59", "2026-10-19T13:00", 1, id="it still runs"),
        pytest.param("2026-10-19T08:00", "2026-10-19T10:15", 0, id="it begins then"),
        pytest.param("2026-10-19T08:00", "2026-10-19T10:16", 1, id="it has just begun"),
        pytest.param("2026-10-19T11:00", "2026-10-19T11:01", 1, id="in the middle"),
    ],
)
def test_a_class_counts_from_its_begin_until_before_its_end(begin: str, end: str, count: int) -> None:
    assert len(held(course(MONDAYS), begin, end)) == count


def night(day: str, start: str, until: str) -> Course:
    return course(f'classes: [{{date: {day}, from: "{start}", until: "{until}", expected: 1}}]')


@pytest.mark.parametrize(
    ("day", "start", "until", "found"),
    [
        # Helsinki's clocks go from 03:00 to 04:00 at 01:00 UTC.
        pytest.param("2026-03-29", "02:00", "05:00", ("00:00", "02:00"), id="over the skipped hour"),
        pytest.param("2026-03-29", "03:30", "06:00", ("01:30", "03:00"), id="begins within it"),
        pytest.param("2026-03-29", "02:00", "03:30", ("00:00", "01:30"), id="ends within it"),
        pytest.param("2026-03-29", "03:15", "03:45", ("01:15", "01:45"), id="all of it skipped"),
        pytest.param("2026-03-29", "03:30", "04:10", None, id="nothing is left of it"),
        # From 04:00 back to 03:00 at the same moment.
        pytest.param("2026-10-25", "02:00", "05:00", ("23:00", "03:00"), id="over the hour that comes twice"),
        pytest.param("2026-10-25", "03:30", "05:00", ("00:30", "03:00"), id="begins when it is first"),
        pytest.param("2026-10-25", "02:00", "03:30", ("23:00", "00:30"), id="ends when it is first"),
    ],
)
def test_on_the_night_of_a_change_a_skipped_time_is_later_and_a_doubled_one_the_first(
    day: str, start: str, until: str, found: tuple[str, str] | None
) -> None:
    times = [(begin[11:], end) for _, begin, end in held(night(day, start, until), f"{day}T00:00", f"{day}T12:00")]
    assert times == ([found] if found else [])


def test_a_time_that_clocks_skip_before_midnight_is_found_on_the_next_day() -> None:
    nuuk = ZoneInfo("America/Nuuk")
    before, after = (datetime(2026, 3, 28, 23, 30, tzinfo=nuuk, fold=fold) for fold in (0, 1))
    assert before.utcoffset() != after.utcoffset(), "there is no such change there any more"
    some = night("2026-03-28", "23:15", "23:45")
    at_night = datetime(2026, 3, 29, 0, 20, tzinfo=nuuk)
    (found,) = timetable.occurrences([some], nuuk, at_night, at_night + timedelta(minutes=1))
    assert f"{found.begin.astimezone(nuuk):%d %H:%M}" == "29 00:15"
    assert found.words(nuuk, at_night) == "now, until 00:45"


ZONES = sorted(available_timezones())
TIMES = st.times(max_value=time(23, 58)).map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize("part", range(4))
def test_in_every_zone_on_every_day_of_two_years_the_wall_shows_what_was_written(part: int) -> None:
    weekly = course(
        "classes: ["
        + ", ".join(f'{{day: {day}, from: "10:15", until: "12:00", expected: 1}}' for day in WEEKDAYS)
        + "]"
    )
    days = [date(2026, 1, 1) + number * DAY for number in range(730)]
    # Zones that are ahead alike are one.
    for zone in {_rules(ZoneInfo(name)): ZoneInfo(name) for name in ZONES[part::4]}.values():
        begin, end = (datetime.combine(day, time(), zone) for day in (days[0], days[-1] + DAY))
        found = list(timetable.occurrences([weekly], zone, begin, end))
        local = [(each.begin.astimezone(zone), each.end.astimezone(zone)) for each in found]
        assert [begin.date() for begin, _ in local] == days, zone
        assert {(begin.time(), end.time()) for begin, end in local} == {(time(10, 15), time(12))}, zone


def _rules(zone: ZoneInfo) -> tuple[timedelta | None, ...]:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return tuple((begin + number * DAY).astimezone(zone).utcoffset() for number in range(731))


@given(st.sampled_from(ZONES), st.dates(date(2026, 1, 1), date(2027, 12, 31)), TIMES, TIMES)
def test_what_is_held_shows_the_written_times_or_those_of_the_decision(
    name: str, day: date, one: time, other: time
) -> None:
    zone, (start, until) = ZoneInfo(name), sorted((one, other))
    if start == until:
        until = time(23, 59)
    some = night(str(day), f"{start:%H:%M}", f"{until:%H:%M}")
    midnight = datetime.combine(day, time(), zone)
    found = list(timetable.occurrences([some], zone, midnight - DAY, midnight + 2 * DAY))
    for each in found:
        assert each.begin < each.end
        for written, moment in ((start, each.begin), (until, each.end)):
            shown, wanted = moment.astimezone(zone).replace(tzinfo=None), datetime.combine(day, written)
            before, after = (wanted.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
            assert before is not None
            assert after is not None
            skipped = max(after - before, timedelta())
            assert shown == wanted + skipped
            assert not moment.astimezone(zone).fold, "the first of two"
    assert found or datetime.combine(day, start, zone).utcoffset() != datetime.combine(day, until, zone).utcoffset()


TODAY = "2026-10-19"
WEEK = course("""
classes:
  - {day: mon, from: "10:15", until: "12:00", expected: 9}
  - {day: mon, from: "14:15", until: "16:00", expected: 9}
""")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2026-10-19T00:00", "today 10:15 to 12:00"),
        ("2026-10-19T10:14", "today 10:15 to 12:00"),
        ("2026-10-19T10:15", "now, until 12:00"),
        ("2026-10-19T11:59", "now, until 12:00"),
        ("2026-10-19T12:00", "today 14:15 to 16:00"),
        ("2026-10-19T16:00", "Monday 2026-10-26, 10:15 to 12:00"),
        ("2026-10-25T23:59", "tomorrow 10:15 to 12:00"),
        # Which is the day before in UTC.
        ("2026-10-25T00:30", "tomorrow 10:15 to 12:00"),
        ("2026-10-24T23:59", "Monday 2026-10-26, 10:15 to 12:00"),
    ],
)
def test_the_running_or_next_class_in_words(now: str, words: str) -> None:
    assert timetable.said(WEEK, HELSINKI, at(now)) == words


def test_there_is_no_next_class_after_the_last_or_without_any() -> None:
    assert timetable.said(course("data: none"), HELSINKI, at(TODAY)) is None
    assert timetable.said(course(f"close: 2026-10-19\n{MONDAYS}"), HELSINKI, at("2026-10-19T12:00")) is None
    assert (
        timetable.said(course(f"open: 2026-11-01\n{MONDAYS}"), HELSINKI, at(TODAY))
        == "Monday 2026-11-02, 10:15 to 12:00"
    )


HOURS = st.integers(0, 50)


@given(st.lists(st.tuples(HOURS, st.integers(1, 9), st.integers(1, 300)), max_size=12))
def test_a_load_is_the_sum_of_those_who_are_in_class_at_each_moment_of_it(some: list[tuple[int, int, int]]) -> None:
    first = datetime(2026, 10, 19, tzinfo=UTC)
    hour = timedelta(hours=1)
    classes = [Held(first + begin * hour, first + (begin + length) * hour, "c", count) for begin, length, count in some]
    loads = timetable.loads(classes)
    for number in range(60):
        moment = first + number * hour
        expected = sum(each.expected for each in classes if each.begin <= moment < each.end)
        assert sum(load.expected for load in loads if load.begin <= moment < load.end) == expected


def test_one_class_that_begins_as_another_ends_is_not_at_once_with_it() -> None:
    ten, eleven, twelve = (datetime(2026, 10, 19, hour, tzinfo=UTC) for hour in (10, 11, 12))
    assert timetable.loads([Held(ten, eleven, "a", 5), Held(eleven, twelve, "b", 7)]) == [
        Load(ten, eleven, 5),
        Load(eleven, twelve, 7),
    ]
    assert timetable.loads([]) == []
