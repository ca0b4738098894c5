"""What a student's server printed is shown to an admin: as text, and not too much of it."""

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
