"""The start page: what is offered, what is preselected, and that text stays text."""

from html.parser import HTMLParser

from coursehub import access, page
from coursehub.course import Course
from coursehub.profiles import Profile, Role

from tests.support import ANNA, JONAS, MARIA, TODAY, catalog


class Inputs(HTMLParser):
    """The radios of a page, with whether each is checked; and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.radios: dict[str, bool] = {}
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = dict(attrs)
        assert tag not in ("script", "img", "iframe")
        assert not any(name.startswith("on") for name in found)
        if tag == "input":
            assert (found["type"], found["name"]) == ("radio", "profile")
            self.radios[str(found["value"])] = "checked" in found

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self.words += data.strip() + "\n"


def rendered(person: object = MARIA, *, selected: str | None = None, message: str | None = None) -> Inputs:
    assert person in (MARIA, JONAS, ANNA)
    choices = list(access.choices(person, catalog(), TODAY))
    return Inputs(page.render(choices, selected=selected, message=message, today=TODAY))


def test_each_choice_is_a_radio_named_profile_under_its_heading() -> None:
    found = rendered(ANNA)
    assert list(found.radios) == [
        *("python-intro--instructor", "statistics-lab--instructor", "old-course--instructor"),
        *("python-intro", "statistics-lab"),
        "general",
    ]
    headings = [found.words.index(heading) for heading in ("You teach", "Your courses", "Outside courses")]
    assert headings == sorted(headings)
    assert "archived, read only" in found.words


def test_without_a_choice_before_the_first_shown_is_preselected() -> None:
    assert [slug for slug, checked in rendered(ANNA).radios.items() if checked] == ["python-intro--instructor"]


def test_the_last_choice_is_preselected_where_it_is_still_on_offer() -> None:
    assert [slug for slug, checked in rendered(selected="statistics-lab").radios.items() if checked] == [
        "statistics-lab"
    ]
    assert [slug for slug, checked in rendered(JONAS, selected="data-analysis").radios.items() if checked] == [
        "python-intro"
    ]


def test_a_student_sees_no_heading_for_teachers() -> None:
    assert "You teach" not in rendered(MARIA).words


def test_a_message_stands_on_the_page_as_text() -> None:
    assert "<b>No</b> {{7*7}}" in rendered(message="<b>No</b> {{7*7}}").words


def test_y18_y19_a_courses_name_is_text_whatever_is_in_it() -> None:
    name = "<script>x</script>\"><img src=x onerror=y> {{7*7}} {% raw %} {username} ' &amp;"
    choice = access.Choice(Profile(Role.STUDENT, "c"), Course(slug="c", name=name))
    html = page.render([choice], selected='"><script>', message=None, today=TODAY)
    assert name in Inputs(html).words
    assert "49" not in html


def test_nothing_on_offer_is_a_page_with_the_message_alone() -> None:
    found = Inputs(page.render([], selected=None, message="You are not known.", today=TODAY))
    assert (found.radios, found.words.strip()) == ({}, "You are not known.")
