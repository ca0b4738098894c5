"""The slug of a choice: one to one, whatever a course is called."""

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role, parse
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
