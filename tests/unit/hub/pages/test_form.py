"""The start page: what is offered, what is preselected, what is closed and why, and that text stays text."""

from datetime import date
from html.parser import HTMLParser

import pytest
from coursehub.config import profiles
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.hub.pages import form
from coursehub.person import Person
from coursehub.servers import access

from tests.support import ANNA, JONAS, MARIA, TODAY, catalog

COURSES = "/hub/courses"
TERM = """\
courses:
  now:
    name: Now
    description: What happens now
    instructors: [anna]
    students: everyone
    open: 2026-09-01
    close: 2026-12-31
  soon: {name: Soon, instructors: [anna], students: [maria], open: 2027-01-10, close: 2027-05-31}
  past: {name: Past, instructors: [anna], students: [maria], close: 2026-05-31}
  gone: {name: Gone, instructors: [anna], students: [maria], archive: 2026-06-30}
"""


class Inside(HTMLParser):
    """The form's inside: headings with their radios, which is checked, the words, and the machine-readable dates."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.groups: dict[str, list[str]] = {}
        self.checked: list[str] = []
        self.dates: list[str] = []
        self.links: list[str] = []
        self.search = False
        self.words = ""
        self._within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = dict(attrs)
        assert tag not in ("img", "iframe", "b")
        assert not any(name.startswith("on") for name in found)
        if tag == "input":
            self.search |= found["type"] == "search"
            if found["type"] == "radio":
                assert "details" not in self._within, "what is closed cannot be chosen"
                assert found["name"] == "profile"
                self.groups[list(self.groups)[-1]].append(str(found["value"]))
                self.checked += [str(found["value"])] if "checked" in found else []
        else:
            self._within.append(tag)
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "time":
            self.dates.append(str(found["datetime"]))

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        assert self._within.pop() == tag

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if self._within[-1:] == ["legend"]:
            self.groups[data] = []
        if not {"style", "script"} & {*self._within}:
            self.words += " ".join(data.split()) + "\n"


def rendered(
    person: Person = MARIA,
    *,
    live: Catalog | None = None,
    selected: str | None = None,
    message: str | None = None,
    today: date = TODAY,
) -> Inside:
    choices = list(access.choices(person, live or catalog(), today))
    return Inside(form.render(choices, selected=selected, message=message, today=today, courses=COURSES))


@pytest.mark.parametrize(
    ("person", "groups"),
    [
        pytest.param(
            MARIA,
            {
                "You take": ["data-analysis"],
                "Open to everyone": ["python-intro", "statistics-lab"],
                "Outside courses": ["general"],
            },
            id="student",
        ),
        pytest.param(
            ANNA,
            {
                "You teach": [
                    *("python-intro--instructor", "python-intro--grading"),
                    *("statistics-lab--instructor", "old-course--instructor"),
                ],
                "Open to everyone": ["python-intro", "statistics-lab"],
                "Outside courses": ["general"],
            },
            id="instructor",
        ),
    ],
)
def test_each_choice_is_a_radio_named_profile_under_its_heading(person: Person, groups: dict[str, list[str]]) -> None:
    assert rendered(person).groups == groups


def test_a_choice_says_what_it_is_and_until_when() -> None:
    words = rendered(live=catalog(TERM)).words
    assert "Now\nWhat happens now\nnow\n· until\n2026-12-31" in "\n".join(filter(None, words.split("\n")))


def test_an_instructor_sees_the_badge_and_when_students_can_start() -> None:
    found = rendered(ANNA, live=catalog(TERM))
    words = "\n".join(filter(None, found.words.split("\n")))
    assert "Now\ninstructor\nWhat happens now\nnow\n· students until\n2026-12-31" in words
    assert "Soon\ninstructor\nsoon\n· students from\n2027-01-10" in words
    assert "Past\ninstructor\npast\n· students until\n2026-05-31" in words
    assert "Gone\ninstructor\narchived, read only\ngone" in words
    assert "Not open now" not in words


def test_the_next_class_of_a_course_stands_at_its_entry_as_text() -> None:
    choices = list(access.choices(MARIA, catalog(TERM), TODAY))
    html = form.render(
        choices,
        selected=None,
        message=None,
        today=TODAY,
        courses=COURSES,
        class_of=lambda course: "today 10:15 to <b>12:00" if course.slug in ("now", "soon") else None,
    )
    words = "\n".join(filter(None, Inside(html).words.split("\n")))
    open_now, closed = words.split("Not open now (2)")
    assert "2026-12-31\nClass: today 10:15 to <b>12:00" in open_now
    assert "2027-01-10\nClass: today 10:15 to <b>12:00" in closed
    assert words.count("Class:") == 2


def test_grading_is_told_apart_from_teaching() -> None:
    words = "\n".join(filter(None, rendered(ANNA).words.split("\n")))
    assert "Introduction to Programming\ngrading\npython-intro" in words


def test_what_is_not_open_is_told_with_the_reason_and_cannot_be_chosen() -> None:
    found = rendered(live=catalog(TERM))
    assert found.groups == {"Open to everyone": ["now"], "Outside courses": ["general"]}
    open_now, closed = found.words.split("Not open now (2)")
    assert "Soon" not in open_now
    assert "The course 'Soon' opens on 2027-01-10. Please come back then." in closed
    assert "The course 'Past' closed after 2026-05-31. Ask its teacher if you still need it." in closed
    assert "Gone" not in found.words
    assert found.dates == ["2026-12-31", "2027-01-10", "2026-05-31"]


def test_without_a_choice_before_the_first_shown_is_preselected() -> None:
    assert rendered(ANNA).checked == ["python-intro--instructor"]


@pytest.mark.parametrize(
    ("person", "last", "checked"),
    [
        pytest.param(MARIA, "statistics-lab", "statistics-lab", id="on offer"),
        pytest.param(JONAS, "data-analysis", "python-intro", id="P8 membership lost"),
        pytest.param(MARIA, "gone", "data-analysis", id="P8 course removed"),
        pytest.param(MARIA, "python-intro--instructor", "data-analysis", id="P8 role lost"),
        pytest.param(MARIA, '"><script>', "data-analysis", id="Y18 not a slug"),
    ],
)
def test_the_last_choice_is_preselected_where_it_is_still_on_offer(person: Person, last: str, checked: str) -> None:
    assert rendered(person, selected=last).checked == [checked]


def test_p8_a_last_choice_that_has_closed_is_not_preselected() -> None:
    assert rendered(live=catalog(TERM), selected="past").checked == ["now"]


def test_a_search_box_comes_with_more_choices_than_a_glance_takes_in() -> None:
    def courses(count: int) -> Catalog:
        return Catalog(Course(slug=f"c{number}", name=f"C {number}", students="everyone") for number in range(count))

    assert not rendered(live=courses(9)).search
    assert rendered(live=courses(10)).search


def test_a_message_stands_on_the_page_as_text() -> None:
    assert "<b>No</b> {{7*7}}" in rendered(message="<b>No</b> {{7*7}}").words


NASTY = "<script>x</script>\"><img src=x onerror=y> {{7*7}} {% raw %} {username} {0.__class__} { ' &amp;"


@pytest.mark.parametrize("refusal", [None, f"The course '{NASTY}' opens later."], ids=["open", "closed"])
def test_y18_y19_what_the_course_file_says_is_text_whatever_is_in_it(refusal: str | None) -> None:
    course = Course(slug="c", name=NASTY, description=NASTY, open=date(2027, 1, 1) if refusal else None)
    html = form.render(
        [access.Choice(Profile(Role.STUDENT, "c"), course, refusal)],
        selected=None,
        message=None,
        today=TODAY,
        courses=COURSES,
    )
    words = Inside(html).words
    assert words.count(NASTY) == (3 if refusal else 2)
    assert "49" not in html
    assert "<script" not in html


def test_nothing_on_offer_is_a_page_with_the_message_alone() -> None:
    found = Inside(form.render([], selected=None, message="You are not known.", today=TODAY, courses=COURSES))
    assert (found.groups, found.words.strip()) == ({}, "You are not known.")


@pytest.mark.parametrize(
    ("runs", "name"),
    [
        pytest.param(Profile(Role.STUDENT, "python-intro"), "Introduction to Programming", id="student"),
        pytest.param(
            Profile(Role.INSTRUCTOR, "python-intro"), "Introduction to Programming, as instructor", id="instructor"
        ),
        pytest.param(Profile(Role.GRADING, "python-intro"), "Introduction to Programming, as grading", id="grading"),
        pytest.param(GENERAL, "General use (no course)", id="general use"),
        pytest.param(Profile(Role.STUDENT, "x"), "the course 'x', which is not on offer any more", id="P8 removed"),
        pytest.param(None, "something that is not on offer any more", id="no profile"),
    ],
)
def test_a_running_server_is_named(runs: Profile | None, name: str) -> None:
    found = form.running(runs, None, catalog(), None, TODAY)
    assert (found.slug, found.name) == (runs.slug if runs else "", name)


@pytest.mark.parametrize(
    ("slug", "grades"),
    [
        ("python-intro--instructor", "python-intro"),
        ("python-intro--grading", "python-intro"),
        ("python-intro", None),
        ("general", None),
        # A course without folders, one that is archived, one that is gone.
        ("statistics-lab--instructor", None),
        ("old-course--instructor", None),
        ("x--instructor", None),
    ],
)
def test_a_running_server_leads_to_grading_where_it_can_grade(slug: str, grades: str | None) -> None:
    assert form.running(profiles.parse(slug), None, catalog(), None, TODAY).grades == grades


def test_the_choice_to_grade_leads_to_the_page_of_its_course() -> None:
    assert rendered(ANNA).links == ["/hub/courses/python-intro/grading"]
    assert rendered(MARIA).links == []


def test_a_link_on_the_way_from_a_running_server_is_named_too() -> None:
    here, there = Profile(Role.STUDENT, "python-intro"), Profile(Role.STUDENT, "statistics-lab")
    found = form.running(here, there, catalog(), None, TODAY)
    assert (found.linked, found.already) == ("Statistics Lab", False)
    assert form.running(here, here, catalog(), None, TODAY).already
