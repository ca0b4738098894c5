"""What an instructor reads of the grading in their server, whatever that server says."""

import json

import pytest
from coursehub.servers import grading
from coursehub.servers.grading import Ends, Grading
from hypothesis import given
from hypothesis import strategies as st

from tests.graded import runs, told


def read(said: object) -> Grading | None:
    return Grading.read(json.dumps(said).encode())


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        pytest.param(told(), "This server has graded nothing yet.", id="nothing yet"),
        pytest.param(runs("hw1"), "hw1 is being graded.", id="running"),
        pytest.param(told(assignment="hw1"), "hw1 is graded.", id="done"),
        pytest.param(
            told(assignment="hw1", failed=[{"student": "maria", "why": "x"}]),
            *("hw1 is graded, without those below.",),
            id="some failed",
        ),
        pytest.param(
            told(assignment="hw1", ended={"cancelled": 2, "done": 1}),
            "Grading hw1 was cancelled. Grade it again to go on.",
            id="cancelled",
        ),
        pytest.param(
            told(assignment="hw1", error="Warning: x\ncoursehub: nothing was collected of 'hw1'\n\n"),
            "hw1 was not graded. coursehub: nothing was collected of 'hw1'",
            id="error",
        ),
        pytest.param(runs("a\u202eb\n"), "a\\u202eb\\n is being graded.", id="unseen characters"),
        pytest.param({**runs("hw1"), "later": 1}, "hw1 is being graded.", id="a later image says more"),
    ],
)
def test_how_it_is_is_a_sentence(said: dict[str, object], sentence: str) -> None:
    found = read(said)
    assert found is not None
    assert found.told == sentence


def test_ends_are_counted_by_how_they_came() -> None:
    assert str(Ends(failed=2, done=1, cancelled=3)) == "1 done, 2 failed, 3 cancelled"


def test_names_go_back_as_they_came_and_are_shown_as_they_can_be_seen() -> None:
    found = read(told(assignments=["a\u202eb"], failed=[{"student": "m\u200b", "why": "\x1b[31mred\n\n"}]))
    assert found is not None
    assert found.assignments == ("a\u202eb",)
    assert (found.failed[0].student, found.failed[0].why) == ("m\\u200b", "red")


def test_a_sentence_is_bounded() -> None:
    found = read(told(error="x" * 10**6))
    assert found is not None
    assert len(found.error) <= 500


KEYS = st.sampled_from([*told(), "assignments", "student", "why", "state", "done", "failed"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=12),
)


@given(JSON | st.dictionaries(KEYS, JSON).map(lambda some: {**told(), **some}))
def test_whatever_a_server_says_is_understood_or_not(said: object) -> None:
    found = read(said)
    assert found is None or isinstance(found.told, str)


@given(st.binary())
def test_whatever_bytes_a_server_sends_are_understood_or_not(body: bytes) -> None:
    assert Grading.read(body) is None
    assert "Your server" in grading.refusal(500, body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"message": "Nothing is being graded.", "reason": null}', "Your server says: Nothing is being graded."),
        (b'{"message": 1}', "Your server refused it, with the HTTP status 409."),
        (b'{"message": ""}', "Your server refused it, with the HTTP status 409."),
        (b"<html>", "Your server refused it, with the HTTP status 409."),
    ],
)
def test_a_refusal_is_the_servers_sentence_where_it_has_one(body: bytes, sentence: str) -> None:
    assert grading.refusal(409, body) == sentence
