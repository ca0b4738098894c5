"""What others wrote is shown to an admin: as text, in one line, and not too much of it."""

import json
import os

import pytest
from coursehub import text as plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\tb\n c", "a b c", id="blanks"),
        pytest.param("\x1b[31;1mred\x1b[0m", "red", id="a colour"),
        pytest.param("\x1b]0;title\x07text", "text", id="a window's title"),
        pytest.param("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link", id="a link"),
        pytest.param("a\x1b[2Jb\x1bcd\x9b1A", "abcd1A", id="a cleared screen"),
        pytest.param("a\x00\x07\x08b\x7f\u202ec\u200b", "abc", id="control characters and turned text"),
        pytest.param("naïve ü 漢字", "naïve ü 漢字", id="letters of the world"),
        pytest.param("x" * 600, "x" * 499 + "…", id="a long line"),
    ],
)
def test_a_line_is_printable_and_short(text: str, shown: str) -> None:
    assert plain.line(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("naïve ü 漢字 🙂", "naïve ü 漢字 🙂", id="letters of the world"),
        pytest.param("a  b", "a  b", id="blanks as they are"),
        pytest.param("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07", id="a terminal's sequences"),
        pytest.param("\x9b1A\x85", r"\x9b1A\x85", id="those of one character"),
        pytest.param("a\r\n\tb\x0b\x00\x7f", r"a\r\n\tb\x0b\x00\x7f", id="line ends and controls"),
        pytest.param("a\u2028b\u2029c\xa0", r"a\u2028b\u2029c\xa0", id="Unicode's line ends and blanks"),
        pytest.param("\u202etxt\u2066\u200f\u061c", r"\u202etxt\u2066\u200f\u061c", id="turned text"),
        pytest.param("a\u200b\u2060\ufeff\xad\u200d", r"a\u200b\u2060\ufeff\xad\u200d", id="no width"),
        pytest.param(
            "a\u034f\u3164\ufe0f\U000e0041\U000e0100", r"a\u034f\u3164\ufe0f\U000e0041\U000e0100", id="unseen"
        ),
        pytest.param(os.fsdecode(b"caf\xe9\xff"), r"caf\xe9\xff", id="bytes that are no UTF-8"),
        pytest.param("\ud83d", r"\ud83d", id="half a character"),
    ],
)
def test_s6_what_is_no_text_is_shown_escaped_and_nothing_is_left_out(text: str, shown: str) -> None:
    assert plain.shown(text) == shown
    assert plain.shown(shown) == shown


def test_s6_json_is_ascii_that_every_parser_takes_and_keeps_what_utf_8_can_hold() -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J\n") + "ü🙂"
    written = plain.as_json({name: [name, 1, None, (True, 0.5)]})
    assert written.isascii()
    assert written.isprintable()
    kept = "caf\\xe9\x1b[2J\nü🙂"
    assert json.loads(written) == {kept: [kept, 1, None, [True, 0.5]]}
    json.loads(written)[kept][0].encode()


def test_the_last_lines_are_kept_with_their_indentation_and_without_empty_ones() -> None:
    text = 'Traceback:\n  File "a.py"\n\n\t\x1b[31mraise\x1b[0m X\nX\n'
    assert plain.last_lines(text, 4096) == ("Traceback:", '  File "a.py"', "    raise X", "X")


def test_of_much_text_the_last_lines_that_fit_are_kept() -> None:
    assert plain.last_lines("\n".join(f"line {number:04}" for number in range(100_000)), 30) == (
        "line 99997",
        "line 99998",
        "line 99999",
    )


def test_one_endless_line_is_cut() -> None:
    (line,) = plain.last_lines("x" * 10_000_000, 4096)
    assert len(line) == plain.LONGEST
