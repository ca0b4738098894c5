"""Whoever waits goes by turns of courses: a class holds up nobody else, and nobody loses their place."""

from collections.abc import Mapping

from coursehub.servers.queue import Queue
from hypothesis import given
from hypothesis import strategies as st

EVERYBODY = frozenset(f"{group}{number}" for group in "abc" for number in range(300))


def queue(people: Mapping[str, int]) -> Queue:
    """So many of each group came, one group after the other."""
    made = Queue()
    for group, count in people.items():
        for number in range(count):
            made.enter(f"{group}{number}", group)
    return made


def served(waiting: Queue, most: int = 1000) -> list[str]:
    """Who is served, one after the other."""
    found: list[str] = []
    while len(found) < most and (each := waiting.next(EVERYBODY)) is not None:
        found.append(each.name)
    return found


def test_of_one_course_who_came_first_goes_first() -> None:
    assert served(queue({"a": 4})) == ["a0", "a1", "a2", "a3"]


def test_a_single_start_of_another_course_is_next_but_one_whenever_it_comes() -> None:
    waiting = queue({"a": 200})
    served(waiting, 77)
    waiting.enter("b0", "b")
    assert [each.name for each in waiting.order].index("b0") <= 1
    assert "b0" in served(waiting, 2)


def test_two_classes_go_by_turns() -> None:
    assert served(queue({"a": 3, "b": 3})) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_one_after_the_other_of_another_course_holds_the_class_up_no_more_than_it_does_them() -> None:
    waiting = queue({"a": 50})
    order = []
    for number in range(20):
        waiting.enter(f"b{number}", "b")
        order += served(waiting, 2)
    assert sum(name.startswith("a") for name in order) == 20


def test_the_same_request_again_keeps_its_place_and_one_for_another_course_goes_to_its_end() -> None:
    waiting = queue({"a": 3})
    waiting.enter("a0", "a")
    assert [each.name for each in waiting.order] == ["a0", "a1", "a2"]
    waiting.enter("b0", "b")
    waiting.enter("a0", "b")
    order = served(waiting)
    assert order.index("a0") > order.index("b0")
    assert sorted(order) == ["a0", "a1", "a2", "b0"]


def test_who_leaves_is_not_served_and_those_behind_move_up() -> None:
    waiting = queue({"a": 3})
    waiting.leave("a1")
    waiting.leave("nobody")
    assert served(waiting) == ["a0", "a2"]


def test_who_is_not_ready_is_passed_over_and_keeps_the_place() -> None:
    waiting = queue({"a": 3})
    first = waiting.next({"a1", "a2"})
    assert first is not None
    assert first.name == "a1"
    assert [each.name for each in waiting.order] == ["a0", "a2"]
    assert waiting.next({"b"}) is None


def test_nobody_passes_one_who_is_expected_and_those_before_them_do_not_wait() -> None:
    waiting = queue({"a": 3})
    assert waiting.next({"a2"}, {"a1"}) is None
    assert [each.name for each in waiting.order] == ["a0", "a1", "a2"]
    assert served(waiting, 1) == ["a0"]
    assert waiting.next({"a1", "a2"}, set()) is not None
    assert [each.name for each in waiting.order] == ["a2"]


def test_what_is_kept_goes_on_in_its_order_and_new_ones_stand_behind() -> None:
    waiting = queue({"a": 5, "b": 1})
    served(waiting, 3)
    again = Queue(waiting.order)
    again.enter("a9", "a")
    assert served(again) == ["a2", "a3", "a4", "a9"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_whatever_comes_and_goes_each_is_served_once_and_of_a_course_in_the_order_of_coming(
    steps: list[tuple[str, bool]],
) -> None:
    waiting, came, order = Queue(), list[str](), list[str]()
    for group, serve in steps:
        name = f"{group}{len(came)}"
        came.append(name)
        waiting.enter(name, group)
        if serve:
            order += served(waiting, 1)
    order += served(waiting)
    assert sorted(order) == sorted(came)
    for group in "abc":
        assert [each for each in order if each[0] == group] == [each for each in came if each[0] == group]
