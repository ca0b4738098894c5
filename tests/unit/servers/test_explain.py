"""Why somebody may or may not, in a sentence, and the server that they would get."""

from datetime import UTC, datetime
from typing import Any

import pytest
from coursehub.config.profiles import Profile, Role, parse
from coursehub.person import Group, Person
from coursehub.servers import explain

from tests.support import ANNA, JONAS, MARIA, PETER, SOFIA, TODAY, catalog, site

COURSES = """\
courses:
  listed: {name: Listed, gid: 70101, instructors: [anna], students: [maria]}
  grouped: {name: Grouped, gid: 70102, instructors: ["@tutors"], students: ["@first-year"]}
  later: {name: Later, students: everyone, open: 2026-10-02}
  closed: {name: Closed, students: everyone, close: 2026-09-30}
  until: {name: Until, students: everyone, close: 2026-12-31}
  old: {name: Old, gid: 70103, instructors: [anna], students: everyone, archive: 2026-06-30}
"""
NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
TUTOR = Person("tom", 20010, 20010, (Group("tutors", 70500),))
FRESHMAN = Person("fia", 20011, 20011, hub_groups=frozenset({"first-year"}))


def why(person: Person, slug: str) -> explain.Explanation:
    profile = parse(slug)
    assert profile is not None
    return explain.explain(person, profile, catalog(COURSES), site(), TODAY)


@pytest.mark.parametrize(
    ("person", "slug", "sentence"),
    [
        (ANNA, "listed--instructor", "anna teaches it: listed by name under instructors."),
        (ANNA, "listed--grading", "anna teaches it: listed by name under instructors."),
        (TUTOR, "grouped--instructor", "tom teaches it: a member of @tutors under instructors."),
        (PETER, "grouped--instructor", "peter teaches it: a member of the course's unix group 70102."),
        (SOFIA, "listed--instructor", "sofia teaches it: an admin of the site."),
        (
            ANNA,
            "old--instructor",
            "anna teaches it: listed by name under instructors; it is archived, so everything of it is read only.",
        ),
        (MARIA, "listed", "maria takes it: listed by name under students; it is open."),
        (FRESHMAN, "grouped", "fia takes it: a member of @first-year under students; it is open."),
        (JONAS, "until", "jonas takes it: open to everyone; it is open until 2026-12-31."),
        (JONAS, "general", "jonas is known in the directory, which is enough outside courses."),
    ],
)
def test_why_somebody_may(person: Person, slug: str, sentence: str) -> None:
    found = why(person, slug)
    assert (found.allowed, found.sentence) == (True, sentence)
    assert found.plan is not None


@pytest.mark.parametrize(
    ("person", "slug", "words"),
    [
        (JONAS, "listed", "You are not on the list of 'Listed'"),
        (JONAS, "listed--instructor", "You are not an instructor of 'Listed'"),
        (JONAS, "listed--grading", "You are not an instructor of 'Listed'"),
        (JONAS, "later", "opens on 2026-10-02"),
        (JONAS, "closed", "closed after 2026-09-30"),
        (JONAS, "old", "has been archived since 2026-06-30"),
        (JONAS, "nothing", "There is no course 'nothing' here"),
    ],
)
def test_why_somebody_may_not(person: Person, slug: str, words: str) -> None:
    found = why(person, slug)
    assert not found.allowed
    assert words in found.sentence
    assert found.plan is None


def test_without_a_course_everything_that_concerns_the_person_is_said_and_no_plan_is_printed() -> None:
    said = explain.answer(FRESHMAN, catalog(COURSES), site(), NOW)
    assert [entry["profile"] for entry in said["profiles"] if entry["allowed"]] == ["grouped", "until", "general"]
    assert not any("uid" in line for line in explain.text(said))


@pytest.mark.parametrize("role", [Role.STUDENT, Role.INSTRUCTOR, Role.GRADING])
def test_one_role_alone(role: Role) -> None:
    said = explain.answer(ANNA, catalog(COURSES), site(), NOW, course="listed", role=role)
    assert [entry["profile"] for entry in said["profiles"]] == [Profile(role, "listed").slug]


def test_what_the_sites_own_code_changes_is_in_the_plan_and_what_it_breaks_is_said() -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("no licence")

    said = explain.explain(MARIA, Profile(Role.STUDENT, "listed"), catalog(COURSES), site(), TODAY, broken)
    assert (said.allowed, said.sentence) == (False, "the site's adjust(plan) failed: RuntimeError: no licence")


def test_who_may_start_a_course_is_told_when_its_class_is() -> None:
    live = catalog(
        "courses:\n"
        "  met: {name: M, instructors: [anna], students: [maria], "
        'classes: [{day: thu, from: "12:15", until: "14:00", expected: 9}]}\n'
        "  other: {name: O, students: everyone}\n"
    )
    said = explain.answer(MARIA, live, site(), NOW)
    lines = dict(line.split(maxsplit=1) for line in explain.text(said))
    assert (
        lines["met"] == "yes  maria takes it: listed by name under students; it is open. Class: today 12:15 to 14:00."
    )
    assert "Class" not in lines["met--instructor"] + lines["other"] + lines["general"]
    assert {entry["profile"]: entry["class"] for entry in said["profiles"]}["general"] is None
    (entry,) = explain.answer(MARIA, live, site(), NOW, course="gone", role=Role.STUDENT)["profiles"]
    assert (entry["allowed"], entry["class"]) == (False, None)


def test_what_a_hub_of_an_earlier_version_says_is_shown_without_classes() -> None:
    said = explain.answer(MARIA, catalog(COURSES), site(), NOW, course="listed", role=Role.STUDENT)
    del said["profiles"][0]["class"]
    assert next(explain.text(said)).endswith("it is open.")
