"""The spawn test's rules: whose turn it is, and what a server has to be."""

import json
import subprocess
import sys

import pytest
from coursehub.spawntest import rules
from coursehub.spawntest.rules import Result, ServerView

WELL = ServerView(
    uid=20001, gid=20001, groups=frozenset({20001, 70001}), mounts={"/home/maria": False, "/coursedata": True}
)


def result(course: str, at: float, *, ok: bool = True) -> Result:
    return Result(course=course, ok=ok, at=at, seconds=10, reason=None if ok else "It did not start.")


def results(*given: Result) -> dict[str, Result]:
    return {each.course: each for each in given}


@pytest.mark.parametrize(
    ("known", "course"),
    [
        pytest.param([], "a", id="nothing yet"),
        pytest.param([result("a", 5)], "b", id="one that never was"),
        pytest.param([result("a", 5), result("b", 3), result("c", 4)], "b", id="the one that waited longest"),
        pytest.param([result("a", 5), result("b", 3), result("c", 4, ok=False)], "c", id="one that failed before"),
        pytest.param([result("a", 4), result("b", 3), result("c", 5, ok=False)], "b", id="but not twice in a row"),
        pytest.param([result("a", 4, ok=False), result("b", 3), result("c", 5, ok=False)], "b", id="nor two of them"),
        pytest.param([result(each, 3, ok=False) for each in "abc"], "a", id="all failed"),
        pytest.param([result("gone", 9, ok=False)], "a", id="a course that went does not count as a course"),
    ],
)
def test_courses_are_tried_in_turn_and_one_that_failed_before_its_turn(known: list[Result], course: str) -> None:
    assert rules.following(["a", "b", "c"], results(*known)) == course


def test_two_courses_that_always_fail_hold_nobody_up() -> None:
    known: dict[str, Result] = {}
    tried = []
    for at in range(40):
        course = rules.following(list("abcdef"), known)
        tried.append(course)
        known[course] = result(course, at, ok=course not in "ab")
    assert {each: tried[20:].count(each) >= 2 for each in "abcdef"} == dict.fromkeys("abcdef", True)


def test_a_server_that_is_as_planned_is_well() -> None:
    more = {**WELL.mounts, "/": False, "/etc/hosts": False, "/dev/shm": False}  # noqa: S108 - of every container
    assert rules.verdict(WELL, WELL.model_copy(update={"mounts": more})) is None


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ({"uid": 1000}, "its uid is 1000, not 20001"),
        ({"gid": 100}, "its gid is 100, not 20001; its groups are 100, 20001, 70001, not 20001, 70001"),
        ({"groups": {20001}}, "its groups are 20001, not 20001, 70001"),
        ({"groups": {20001, 70001, 70101}}, "its groups are 20001, 70001, 70101, not 20001, 70001"),
        ({"mounts": {"/home/maria": False}}, "/coursedata is not mounted"),
        ({"mounts": {"/home/maria": False, "/coursedata": False}}, "/coursedata is read and write, not read only"),
        ({"mounts": {"/home/maria": True, "/coursedata": True}}, "/home/maria is read only, not read and write"),
        ({"mounts": {**WELL.mounts, "/course": False}}, "/course is mounted, and should not be"),
        ({"mounts": {**WELL.mounts, "/home/jonas": True}}, "/home/jonas is mounted, and should not be"),
        ({"mounts": {**WELL.mounts, "/srv/nbgrader/exchange/b": True}}, "/srv/nbgrader/exchange/b is mounted, and"),
    ],
)
def test_each_difference_is_named(difference: dict[str, object], said: str) -> None:
    found = ServerView.model_validate(WELL.model_dump() | difference)
    assert (rules.verdict(WELL, found) or "").startswith(f"The server is not what was planned: {said}")


def test_what_the_cell_prints_is_what_there_is() -> None:
    printed = subprocess.run([sys.executable, "-c", rules.LOOK], capture_output=True, text=True, check=True).stdout
    seen = rules.parse(printed)
    assert seen.uid == json.loads(printed)["uid"]
    assert seen.mounts["/"] in (True, False)
    assert {"/proc"} <= set(seen.mounts)


@pytest.mark.parametrize("printed", ["", "{}", "hello", '{"uid": "me"}'])
def test_what_is_no_view_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|validation error"):
        rules.parse(printed)
