"""What is asked for is a profile, or refused in a sentence."""

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.errors import Refused
from coursehub.hub.planner import asked
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("options", "profile"),
    [
        pytest.param({}, GENERAL, id="P5 nothing"),
        pytest.param({"profile": "general"}, GENERAL, id="general"),
        pytest.param({"profile": "a-b"}, Profile(Role.STUDENT, "a-b"), id="student"),
        pytest.param({"profile": "a--instructor"}, Profile(Role.INSTRUCTOR, "a"), id="instructor"),
    ],
)
def test_the_asked_profile_is_understood(options: dict[str, object], profile: Profile) -> None:
    assert asked(options) == profile


STRANGE: list[object] = [{}, ["a"], None, 5, True, b"a", "", "a\n", "x--y", "../x", "a" * 49]


@pytest.mark.parametrize(
    "options",
    [{"profile": value} for value in STRANGE],
    ids=repr,
)
def test_p4_options_that_are_no_profile_are_refused_in_a_sentence(options: dict[str, object]) -> None:
    with pytest.raises(Refused, match=r"There is no choice .* Choose one on the start page"):
        asked(options)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(), st.lists))
def test_p4_whatever_is_asked_for_is_a_profile_or_a_short_sentence(sent: object) -> None:
    said = ""
    try:
        asked({"profile": sent})
    except Refused as refusal:
        said = str(refusal)
    assert len(said) < 500
