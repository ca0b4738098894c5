"""Who may start what, and the sentence for who may not."""

from datetime import date

import pytest
from coursehub.config.course import Standing, standing
from coursehub.config.profiles import GENERAL, Profile, Role, parse
from coursehub.errors import Refused
from coursehub.person import Group, Person
from coursehub.servers import access

from tests.support import ANNA, JONAS, MARIA, PETER, SOFIA, TODAY, catalog, course

DATED = """\
courses:
  c:
    name: C
    gid: 70101
    instructors: [anna]
    students: everyone
    open: 2026-09-01
    close: 2026-12-31
    archive: 2027-06-30
"""


@pytest.mark.parametrize(
    ("person", "allowed"),
    [
        pytest.param(MARIA, ["python-intro", "data-analysis", "statistics-lab", "general"], id="student by name"),
        pytest.param(JONAS, ["python-intro", "statistics-lab", "general"], id="student of public courses"),
        pytest.param(
            ANNA,
            [
                *("python-intro--instructor", "python-intro--grading", "python-intro"),
                *("statistics-lab--instructor", "statistics-lab", "old-course--instructor", "general"),
            ],
            id="instructor by name",
        ),
        pytest.param(
            PETER,
            ["python-intro", "data-analysis--instructor", "data-analysis--grading", "statistics-lab", "general"],
            id="instructor by unix group",
        ),
        pytest.param(
            SOFIA,
            [
                *("python-intro--instructor", "python-intro--grading", "python-intro"),
                *("data-analysis--instructor", "data-analysis--grading"),
                *("statistics-lab--instructor", "statistics-lab", "old-course--instructor", "general"),
            ],
            id="admin",
        ),
    ],
)
def test_what_is_offered_is_exactly_what_may_be_started(person: Person, allowed: list[str]) -> None:
    live = catalog()
    shown = access.choices(person, live, TODAY)
    assert [choice.profile.slug for choice in shown if choice.refusal is None] == allowed
    everything = [GENERAL] + [Profile(role, slug) for slug in live.courses for role in Role if role is not Role.GENERAL]
    may = []
    for profile in everything:
        try:
            access.decide(person, profile, live, TODAY)
        except Refused:
            continue
        may.append(profile.slug)
    assert sorted(may) == sorted(allowed), "what the page offers and what a start is refused for differ"


@pytest.mark.parametrize(
    ("keys", "today", "stands"),
    [
        pytest.param("", date(1, 1, 1), Standing.OPEN, id="no dates"),
        pytest.param("open: 2026-09-01", date(2026, 8, 31), Standing.NOT_YET_OPEN, id="the day before"),
        pytest.param("open: 2026-09-01", date(2026, 9, 1), Standing.OPEN, id="the first day"),
        pytest.param("close: 2026-12-31", date(2026, 12, 31), Standing.OPEN, id="the last day"),
        pytest.param("close: 2026-12-31", date(2027, 1, 1), Standing.CLOSED, id="the day after"),
        pytest.param("archive: 2027-06-30", date(2027, 6, 29), Standing.OPEN, id="the day before the archive"),
        pytest.param("archive: 2027-06-30", date(2027, 6, 30), Standing.ARCHIVED, id="the archive's day"),
        pytest.param(
            "close: 2026-12-31\narchive: 2026-12-31", date(2026, 12, 31), Standing.ARCHIVED, id="both on a day"
        ),
    ],
)
def test_a_courses_standing_goes_by_the_day(keys: str, today: date, stands: Standing) -> None:
    assert standing(course(keys), today) is stands


@pytest.mark.parametrize(
    ("today", "said"),
    [
        pytest.param(date(2026, 8, 31), "The course 'C' opens on 2026-09-01. Please come back then.", id="before"),
        pytest.param(date(2026, 9, 1), None, id="first day"),
        pytest.param(date(2026, 12, 31), None, id="last day"),
        pytest.param(
            date(2027, 1, 1),
            "The course 'C' closed after 2026-12-31. Ask its teacher if you still need it.",
            id="after",
        ),
        pytest.param(
            date(2027, 6, 30),
            "The course 'C' has been archived since 2027-06-30 and cannot be started any more.",
            id="archived",
        ),
    ],
)
def test_students_start_a_course_from_its_first_day_through_its_last_and_instructors_always(
    today: date, said: str | None
) -> None:
    live = catalog(DATED)
    if said is None:
        assert access.decide(MARIA, Profile(Role.STUDENT, "c"), live, today) == live.courses["c"]
    else:
        with pytest.raises(Refused) as refusal:
            access.decide(MARIA, Profile(Role.STUDENT, "c"), live, today)
        assert str(refusal.value) == said
    assert access.decide(ANNA, Profile(Role.INSTRUCTOR, "c"), live, today) == live.courses["c"]


@pytest.mark.parametrize(
    ("person", "profile", "said"),
    [
        pytest.param(
            JONAS,
            Profile(Role.STUDENT, "data-analysis"),
            "You are not on the list of 'Data Analysis'. If you take this course, ask its teacher to add you.",
            id="P1 private course",
        ),
        pytest.param(
            MARIA,
            Profile(Role.INSTRUCTOR, "python-intro"),
            "You are not an instructor of 'Introduction to Programming'. Its instructors can add you, "
            "or start the course as a student if you take it.",
            id="P2 instructor's profile",
        ),
        pytest.param(
            MARIA,
            Profile(Role.GRADING, "python-intro"),
            "You are not an instructor of 'Introduction to Programming'. Its instructors can add you, "
            "or start the course as a student if you take it.",
            id="P2 grading's profile",
        ),
        pytest.param(
            ANNA,
            Profile(Role.GRADING, "statistics-lab"),
            "The course 'Statistics Lab' has no folders, so there is nothing to grade. Start it as instructor.",
            id="grading of an image-only course",
        ),
        pytest.param(
            ANNA,
            Profile(Role.GRADING, "old-course"),
            "The course 'Old Course' is archived, so nothing of it is graded. Start it as instructor to read it.",
            id="grading of an archived course",
        ),
        pytest.param(
            PETER,
            Profile(Role.INSTRUCTOR, "statistics-lab"),
            "You are not an instructor of 'Statistics Lab'. Its instructors can add you, "
            "or start the course as a student if you take it.",
            id="image-only course",
        ),
        pytest.param(
            MARIA,
            Profile(Role.STUDENT, "gone"),
            "There is no course 'gone' here. Choose one of the courses on the start page.",
            id="no such course",
        ),
    ],
)
def test_a_refusal_says_what_the_person_can_do(person: Person, profile: Profile, said: str) -> None:
    with pytest.raises(Refused) as refusal:
        access.decide(person, profile, catalog(), TODAY)
    assert str(refusal.value) == said


def test_y5_a_course_called_like_a_role_of_another_gives_nothing_of_that_other() -> None:
    live = catalog(
        "courses:\n"
        "  foo: {name: Foo, gid: 70101, instructors: [anna], students: [jonas]}\n"
        "  foo-instructor: {name: Bar, gid: 70102, instructors: [peter], students: [maria]}\n"
    )
    bar = parse("foo-instructor")
    assert bar == Profile(Role.STUDENT, "foo-instructor")
    assert access.decide(MARIA, bar, live, TODAY) == live.courses["foo-instructor"]
    for person, slug in ((MARIA, "foo--instructor"), (MARIA, "foo"), (PETER, "foo--instructor"), (JONAS, bar.slug)):
        profile = parse(slug)
        assert profile is not None
        with pytest.raises(Refused, match="You are not"):
            access.decide(person, profile, live, TODAY)


def test_students_listed_by_group_may_start() -> None:
    live = catalog("courses:\n  c: {name: C, students: ['@team']}\n")
    member = Person("x", 30009, 30009, (Group("team", 5000),))
    assert access.decide(member, Profile(Role.STUDENT, "c"), live, TODAY) == live.courses["c"]
    with pytest.raises(Refused):
        access.decide(MARIA, Profile(Role.STUDENT, "c"), live, TODAY)


def test_a_person_called_like_a_group_is_not_its_member() -> None:
    live = catalog("courses:\n  c: {name: C, students: ['@team']}\n")
    with pytest.raises(Refused):
        access.decide(Person("team", 30009, 30009), Profile(Role.STUDENT, "c"), live, TODAY)


@pytest.mark.parametrize(
    ("person", "today", "shown"),
    [
        pytest.param(
            MARIA,
            date(2026, 8, 31),
            {"c": "The course 'C' opens on 2026-09-01. Please come back then.", "general": None},
            id="a student before",
        ),
        pytest.param(MARIA, date(2026, 9, 1), {"c": None, "general": None}, id="a student meanwhile"),
        pytest.param(
            MARIA,
            date(2027, 1, 1),
            {"c": "The course 'C' closed after 2026-12-31. Ask its teacher if you still need it.", "general": None},
            id="a student after",
        ),
        pytest.param(MARIA, date(2027, 6, 30), {"general": None}, id="a student of the archived"),
        pytest.param(
            ANNA,
            date(2026, 8, 31),
            {"c--instructor": None, "c--grading": None, "general": None},
            id="an instructor before",
        ),
        pytest.param(ANNA, date(2027, 6, 30), {"c--instructor": None, "general": None}, id="an instructor for good"),
    ],
)
def test_the_page_shows_a_student_what_is_not_open_and_why(
    person: Person, today: date, shown: dict[str, str | None]
) -> None:
    found = access.choices(person, catalog(DATED), today)
    assert {choice.profile.slug: choice.refusal for choice in found} == shown


def test_the_page_shows_nothing_of_a_closed_course_to_who_is_not_in_it() -> None:
    live = catalog("courses:\n  c: {name: C, students: [maria], close: 2026-01-01}\n")
    assert [choice.profile for choice in access.choices(JONAS, live, TODAY)] == [GENERAL]


@pytest.mark.parametrize(
    ("person", "link", "leads"),
    [
        pytest.param(JONAS, "python-intro", "python-intro", id="a student"),
        pytest.param(ANNA, "python-intro", "python-intro", id="an instructor who can be a student"),
        pytest.param(PETER, "data-analysis", "data-analysis--instructor", id="an instructor on no list of students"),
        pytest.param(ANNA, "old-course", "old-course--instructor", id="an instructor of the archived"),
        pytest.param(JONAS, "general", "general", id="general use"),
    ],
)
def test_one_link_serves_students_and_teachers(person: Person, link: str, leads: str) -> None:
    profile = parse(link)
    assert profile is not None
    assert access.follow(person, profile, catalog(), TODAY).slug == leads


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        pytest.param(Profile(Role.STUDENT, "data-analysis"), "You are not on the list of 'Data Analysis'", id="P1"),
        pytest.param(Profile(Role.INSTRUCTOR, "python-intro"), "You are not an instructor of", id="P2"),
        pytest.param(Profile(Role.STUDENT, "gone"), "There is no course 'gone' here", id="no such course"),
    ],
)
def test_a_link_that_leads_nowhere_says_why(profile: Profile, said: str) -> None:
    with pytest.raises(Refused, match=said):
        access.follow(JONAS, profile, catalog(), TODAY)


def test_general_use_is_everybodys() -> None:
    assert access.decide(JONAS, GENERAL, catalog(), TODAY) is None
