"""The slug of a choice: one to one, whatever a course is called."""

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role, named, of, parse
from coursehub.names import is_slug
from hypothesis import given
from hypothesis import strategies as st

slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", fullmatch=True).filter(
    lambda slug: is_slug(slug) and slug != "general"
)


@given(slugs, st.sampled_from([Role.STUDENT, Role.INSTRUCTOR, Role.GRADING]))
def test_every_profile_is_what_its_slug_says(course: str, role: Role) -> None:
    assert parse(Profile(role, course).slug) == Profile(role, course)


@given(slugs, slugs)
def test_y5_no_two_profiles_share_a_slug(one: str, other: str) -> None:
    profiles = {
        GENERAL,
        *(Profile(role, course) for role in Role if role is not Role.GENERAL for course in (one, other)),
    }
    assert len({profile.slug for profile in profiles}) == len(profiles)


@given(st.text())
def test_whatever_is_asked_for_is_a_profile_with_that_slug_or_none(text: str) -> None:
    profile = parse(text)
    assert profile is None or profile.slug == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a--",
        "--instructor",
        "a--student",
        "a--general",
        "a--Grading",
        "a--instructor--instructor",
        "general--instructor-",
        "a\n",
    ],
)
def test_what_is_no_profile_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("options", "slug", "profile"),
    [
        pytest.param({}, "general", GENERAL, id="nothing"),
        pytest.param({"image": "evil/x"}, "general", GENERAL, id="no profile"),
        pytest.param({"profile": "a--grading"}, "a--grading", Profile(Role.GRADING, "a"), id="a profile"),
        pytest.param({"profile": "a--b"}, "a--b", None, id="no such profile"),
        pytest.param({"profile": None}, None, None, id="none"),
        pytest.param({"profile": ["general"]}, None, None, id="a list of one"),
        pytest.param("general", None, None, id="text"),
        pytest.param(None, None, None, id="no options"),
    ],
)
def test_user_options_ask_for_general_use_where_they_name_nothing_and_for_no_profile_where_it_is_none(
    options: object, slug: str | None, profile: Profile | None
) -> None:
    assert (named(options), of(options)) == (slug, profile)
