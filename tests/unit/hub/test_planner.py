"""What is asked for is a profile, or refused in a sentence; and what a grader's pods are is by the rules of a start."""

from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.errors import Refused
from coursehub.hub.accounts import Accounts
from coursehub.hub.metrics.spawns import Counters
from coursehub.hub.planner import Planner, asked
from coursehub.people.directory import People
from hypothesis import given
from hypothesis import strategies as st

from tests.support import catalog, site
from tests.unit.conftest import LOG, Prepared, live


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


@pytest.mark.parametrize("slug", ["python-intro", "old-course", "statistics-lab", "nothing"])
async def test_who_may_grade_a_course_is_decided_as_at_a_start_and_counts_as_none(slug: str) -> None:
    counters = Counters()
    directories: Any = Prepared()
    planner = Planner(live(site(), catalog()), Accounts(People(LOG)), directories, counters)
    anna = SimpleNamespace(user=SimpleNamespace(name="anna", groups=[]), user_options={"profile": "general"})
    if slug == "python-intro":
        planned = await planner.grading(anna, slug)
        assert (await planner.may_grade(anna, slug)).name == "Introduction to Programming"
        assert planned.profile == Profile(Role.GRADING, slug)
    else:
        for asking in (planner.grading, planner.may_grade):
            with pytest.raises(Refused, match=r"is archived|has no folders|There is no course"):
                await asking(anna, slug)
    counted = [sample.name for metric in counters.collect() for sample in metric.samples if sample.value]
    assert [name for name in counted if not name.endswith("_created")] == []
