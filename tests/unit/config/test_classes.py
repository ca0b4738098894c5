"""What staff write of their classes: what can be held is taken, and every other has its place and remedy."""

import json
from datetime import date
from typing import Any

import pytest
import yaml
from coursehub.config import catalog as courses
from coursehub.config.course import Course
from coursehub.config.days import NAMES
from coursehub.live import state
from hypothesis import given
from hypothesis import strategies as st

from tests.support import course, site
from tests.unit.config.test_schema import in_schema

GOOD = "courses:\n  good: {name: Good}\n"
MONDAY = 'day: mon, from: "10:15", until: "12:00", expected: 120'
ONCE = 'date: 2026-11-30, from: "10:15", until: "12:00", expected: 120'
TERM = "open: 2026-09-01, close: 2026-12-31"
AS_TEXT = 'write a time of day in quotes, as "10:15"'
OUTSIDE = "write a day from open through close"
INSTEAD = "make one of them, or move one"


def said(classes: str, keys: str = "data: none") -> list[str]:
    """The mistakes of a course with these keys and classes; the other course is never among them."""
    lines = "".join(f"    {key}\n" for key in keys.split(", "))
    text = f"{GOOD}  bad:\n    name: Bad\n{lines}    classes:\n{classes}"
    loaded = courses.load([("c.yaml", text)], site())
    assert "good" in loaded.catalog.courses
    assert ("bad" in loaded.catalog.courses) == (not loaded.problems)
    return [str(problem).removeprefix("c.yaml:").replace("course 'bad': ", "") for problem in loaded.problems]


@pytest.mark.parametrize(
    "entry",
    [
        MONDAY,
        ONCE,
        f"{MONDAY}, except: [2026-12-21, 2026-12-28]",
        pytest.param('day: tue, from: 08:15, until: "10:00", expected: 1', id="YAML reads this one as text"),
        'day: sun, from: "00:00", until: "23:59", expected: 1',
    ],
)
def test_a_class_is_weekly_or_once_and_an_editor_finds_it_right(entry: str) -> None:
    assert said(f"      - {{{entry}}}\n", TERM) == []
    assert in_schema(f"courses: {{c: {{name: C, classes: [{{{entry}}}]}}}}")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            'day: Monday, from: "10:15", until: "12:00", expected: 1',
            "8:15: classes.0.day: write 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun', not 'Monday'",
            id="unknown day",
        ),
        pytest.param(
            'on: mon, from: "10:15", until: "12:00", expected: 1',
            "8:10: unknown key 'on'; known here: date, day, except, expected, from, until",
            id="on, which is no truth here",
        ),
        pytest.param(
            'day: yes, from: "10:15", until: "12:00", expected: 1',
            "8:15: classes.0.day: write 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun', not True",
            id="a truth for a day",
        ),
        pytest.param(
            'from: "10:15", until: "12:00", expected: 1',
            "8:9: classes.0: a class has a day or a date; write day where it is weekly, date where it is held once",
            id="no day",
        ),
        pytest.param(
            f"date: 2026-11-30, {MONDAY}",
            "8:16: classes.0: a class has a day or a date; write day where it is weekly, date where it is held once",
            id="both",
        ),
        pytest.param(
            'date: "2026-11-30", from: "10:15", until: "12:00", expected: 1',
            "8:16: classes.0.date: write a day as 2026-09-01, not '2026-11-30'",
            id="a date in quotes",
        ),
        pytest.param(
            'day: mon, from: 10:15, until: "12:00", expected: 1',
            '8:26: 10:15 is a number without quotes; write "10:15"',
            id="a time without quotes",
        ),
        *(
            pytest.param(
                f'day: mon, from: {written}, until: "23:00", expected: 1',
                f"8:26: classes.0.from: {AS_TEXT}, not {given}",
                id=f"{written} as a time",
            )
            for written, given in (
                ("10.15", "10.15"),
                ("10", "10"),
                ('"9:15"', "'9:15'"),
                ('"24:00"', "'24:00'"),
                ("10:60", "'10:60'"),
                ('"10:15:00"', "'10:15:00'"),
                ('"10:15 "', "'10:15 '"),
                ('"10:15\\n"', "'10:15\\n'"),
                ('"١٠:15"', "'١٠:15'"),
                ("[10, 15]", "[10, 15]"),
                ("null", "None"),
            )
        ),
        pytest.param('day: mon, until: "12:00", expected: 1', "8:9: 'from' is missing; add it", id="no begin"),
        pytest.param(
            'day: mon, from: "12:00", until: "10:15", expected: 1',
            "8:42: classes.0: until (10:15) is not after from (12:00); end it later on the same day",
            id="the wrong way round",
        ),
        pytest.param(
            'day: mon, from: "12:00", until: "12:00", expected: 1',
            "8:42: classes.0: until (12:00) is not after from (12:00); end it later on the same day",
            id="no time at all, or a whole day",
        ),
        *(
            pytest.param(
                f'day: mon, from: "10:15", until: "12:00", expected: {written}',
                f"8:61: classes.0.expected: {message}",
                id=f"{written} people",
            )
            for written, message in (
                ("0", "write 1 or more, not 0"),
                ("-5", "write 1 or more, not -5"),
                ("100001", "write 100000 or less, not 100001"),
                ("1.5", "write a whole number, not 1.5"),
                ("'120'", "write a whole number, not '120'"),
                ("many", "write a whole number, not 'many'"),
            )
        ),
        pytest.param('day: mon, from: "10:15", until: "12:00"', "8:9: 'expected' is missing; add it", id="no number"),
        pytest.param(
            f"{MONDAY}, except: [2026-12-21, 2026-12-24]",
            "8:87: classes.0: except: 2026-12-24 is a Thursday, and the class is on mon; leave it out",
            id="a day that is never a class",
        ),
        pytest.param(
            f"{MONDAY}, except: [2027-01-04]",
            f"8:75: classes.0.except: students cannot start the course on 2027-01-04; {OUTSIDE}",
            id="a day after the last class",
        ),
        pytest.param(
            f"{MONDAY}, except: 2026-12-21",
            "8:74: classes.0.except: write a list as [one, two], not 2026-12-21",
            id="no list",
        ),
        pytest.param(
            f"{ONCE}, except: [2026-11-30]",
            "8:82: classes.0: except is for weekly classes; leave it out",
            id="except of one day",
        ),
        *(
            pytest.param(
                ONCE.replace("2026-11-30", day),
                f"8:16: classes.0.date: students cannot start the course on {day}; {OUTSIDE}",
                id=f"held on {day}",
            )
            for day in ("2026-08-31", "2027-01-01", "0001-01-01", "9999-12-31")
        ),
        pytest.param(
            f"{MONDAY}, colour: red",
            "8:66: unknown key 'colour'; known here: date, day, except, expected, from, until",
            id="unknown key",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy_and_the_other_course_stays(entry: str, message: str) -> None:
    assert said(f"      - {{{entry}}}\n", TERM) == [message]


@pytest.mark.parametrize("written", ["mon", "{day: mon}", "5", "null"])
def test_classes_are_a_list(written: str) -> None:
    (problem,) = courses.load([("c.yaml", f"courses: {{c: {{name: C, classes: {written}}}}}")]).problems
    assert problem.message.startswith("classes: write a list")


@pytest.mark.parametrize(
    ("first", "second", "day"),
    [
        pytest.param(MONDAY, MONDAY, "2026-09-07", id="the same class twice"),
        pytest.param(MONDAY, ONCE, "2026-11-30", id="weekly and once"),
        pytest.param(ONCE, MONDAY, "2026-11-30", id="once and weekly"),
        pytest.param(ONCE, ONCE.replace("10:15", "11:59"), "2026-11-30", id="a minute of two that are once"),
        pytest.param(
            f"{MONDAY}, except: [2026-09-07]", f"{MONDAY}, except: [2026-09-14]", "2026-09-21", id="but two weeks"
        ),
        pytest.param(MONDAY, f"{ONCE}, except: []".replace("12:00", "10:16"), "2026-11-30", id="within the other"),
    ],
)
def test_two_classes_of_a_course_at_the_same_time_are_refused(first: str, second: str, day: str) -> None:
    (message,) = said(f"      - {{{first}}}\n      - {{{second}}}\n", TERM)
    assert message.startswith(f"9:9: classes.1: on {day} it overlaps with ")
    assert message.endswith(f"10:15 to 12:00 of this course; {INSTEAD}") or "11:59" in second


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(MONDAY, MONDAY.replace("mon", "tue"), id="another day"),
        pytest.param(MONDAY, 'day: mon, from: "12:00", until: "13:00", expected: 1', id="one after the other"),
        pytest.param(f"{MONDAY}, except: [2026-11-30]", ONCE, id="on the day that is left out"),
        pytest.param(ONCE, ONCE.replace("11-30", "12-07"), id="a week later"),
    ],
)
def test_classes_that_are_not_at_the_same_time_stand_side_by_side(first: str, second: str) -> None:
    assert said(f"      - {{{first}}}\n      - {{{second}}}\n", TERM) == []


@pytest.mark.parametrize(
    ("keys", "entry", "name"),
    [
        pytest.param("open: 2026-09-01, close: 2026-09-04", MONDAY, "Monday", id="no such day in between"),
        pytest.param("open: 2026-09-07, close: 2026-09-07", f"{MONDAY}, except: [2026-09-07]", "Monday", id="left out"),
        pytest.param("open: 2026-09-02, archive: 2026-09-07", MONDAY, "Monday", id="archived on its first day"),
    ],
)
def test_a_class_that_is_never_held_is_refused(keys: str, entry: str, name: str) -> None:
    assert said(f"      - {{{entry}}}\n", keys) == [
        f"8:9: classes.0: no {name} is left from open through close; look at day, except and these dates"
    ]


def test_a_bad_class_leaves_the_course_as_it_was() -> None:
    before = f"courses: {{c: {{name: Before, classes: [{{{MONDAY}}}]}}}}"
    last = courses.load([("c.yaml", before)]).catalog
    after = courses.load([("c.yaml", before.replace("Before", "After").replace("mon", "moon"))], last=last)
    assert after.problems
    assert after.catalog.courses["c"].name == "Before"


def test_a_course_with_classes_is_the_same_after_a_restart() -> None:
    once = 'date: 2026-11-30, from: "09:00", until: "10:00", expected: 1'
    keys = yaml.safe_load(f"{{name: C, classes: [{{{MONDAY}, except: [2026-12-21]}}, {{{once}}}]}}")
    kept = state.canonical({**keys, "slug": "c"})
    assert Course.model_validate_json(kept) == Course.model_validate({**keys, "slug": "c"})
    assert json.loads(kept)["classes"][0]["from"] == "10:15"


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
DAY_NAMES = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


@given(DAY_NAMES, DAYS, st.integers(0, 400), st.sets(st.integers(0, 60), max_size=5))
def test_a_weekly_class_is_held_on_each_such_day_but_those_left_out(
    day: str, first: date, length: int, without: set[int]
) -> None:
    within = range(first.toordinal(), first.toordinal() + length)
    of_that_name = [each for each in map(date.fromordinal, within) if NAMES[each.weekday()].lower().startswith(day)]
    left_out = [each for number, each in enumerate(of_that_name) if number in without]
    entry: dict[str, Any] = {"day": day, "from": "10:15", "until": "12:00", "expected": 1, "except": left_out}
    (made,) = Course.model_validate({"slug": "c", "name": "C", "classes": [entry]}).classes
    assert list(made.days(within)) == [each for each in of_that_name if each not in left_out]


@given(st.lists(DAYS, max_size=3), st.lists(DAYS, max_size=3), DAYS, st.integers(0, 60))
def test_an_overlap_is_a_day_of_both(one: list[date], other: list[date], first: date, length: int) -> None:
    def mondays(but: list[date]) -> Any:
        left_out = [date.fromordinal(day.toordinal() - day.weekday()) for day in but]
        (made,) = course(f"classes: [{{{MONDAY}, except: [{', '.join(map(str, left_out))}]}}]").classes
        return made

    within = range(first.toordinal(), first.toordinal() + length)
    here, there = mondays(one), mondays(other)
    common = sorted({*here.days(within)} & {*there.days(within)})
    assert here.overlaps(there, within) == (common[0] if common else None)


def test_a_course_has_many_classes_and_not_more_than_people_write() -> None:
    entry = {"day": "mon", "from": "10:15", "until": "12:00", "expected": 1}
    fine = [
        {**entry, "day": day, "from": f"{hour:02}:00", "until": f"{hour:02}:59"}
        for day in ("mon", "tue")
        for hour in range(24)
    ]
    assert len(Course.model_validate({"slug": "c", "name": "C", "classes": fine}).classes) == 48
    (problem,) = courses.load(
        [("c.yaml", yaml.safe_dump({"courses": {"c": {"name": "C", "classes": [{**entry} for _ in range(51)]}}}))]
    ).problems
    assert problem.message.startswith("classes: write 50 entries at most, not ")
