"""What is live, as lines: read as they were written, and told course by course."""

import pytest
from coursehub.live import state
from coursehub.live.state import Row, UnusableState

from tests.unit.live.states import STATE


def test_a_state_is_read_as_it_was_written() -> None:
    lines = list(state.dump(STATE))
    assert state.parse(lines) == STATE
    assert not any(b"\n" in line for line in lines)


def test_the_report_says_of_each_course_what_is_live_since_when_and_why_not_the_newest() -> None:
    assert state.report(STATE) == [
        Row("a", "1234567", "2026-10-01T08:00:00Z", "a.yaml", 2, False, None),
        Row("b", "2345678", "2026-10-01T08:00:00Z", "b.yaml", 2, True, "b.yaml:1:1: not valid YAML"),
        Row("c", "3456789", "2026-09-01T08:00:00Z", "c.yaml", 4, True, "c.yaml:4:5: course 'c': name: write text"),
        Row("new", None, None, "c.yaml", 9, False, "c.yaml:9:3: course 'new': 'name' is missing"),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"\0", b"{}"], id="no JSON"),
        pytest.param([b"[]", b"{}"], id="no mapping"),
        pytest.param([b'{"format":1}', b"{}"], id="half a head"),
        pytest.param([b'{"format":0}', b"{}"], id="another version's"),
        pytest.param(list(state.dump(STATE))[:-1], id="a course too few"),
    ],
)
def test_lines_that_are_no_state_are_told(lines: list[bytes]) -> None:
    with pytest.raises(UnusableState, match=r"it is damaged|it has format 0, and this version reads 1"):
        state.parse(lines)
