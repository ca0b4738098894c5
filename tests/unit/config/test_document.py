"""Reading YAML: every value knows its line, and what is ambiguous or dangerous is refused."""

import pytest
import yaml
from coursehub.config import document
from coursehub.errors import InvalidFile
from hypothesis import given
from hypothesis import strategies as st


def mistakes(text: str) -> list[str]:
    """What is wrong in `text`."""
    try:
        return [str(problem) for _, problem in document.read("f.yaml", text).problems]
    except InvalidFile as error:
        return [str(problem) for problem in error.problems]


def test_plain_yaml_is_plain_data_and_each_key_and_value_knows_its_place() -> None:
    read = document.read("f.yaml", "courses:\n  a:\n    name: A\n    students: [x, y]\n")
    assert read.data == {"courses": {"a": {"name": "A", "students": ["x", "y"]}}}
    assert str(read.problem(("courses", "a", "students", 1), "wrong")) == "f.yaml:4:19: course 'a': wrong"
    assert str(read.problem(("courses", "a", "name"), "wrong", at_key=True)) == "f.yaml:3:5: course 'a': wrong"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "f.yaml:1:1: the file holds no mapping; write `key: value` lines", id="empty file"),
        pytest.param("- a\n", "f.yaml:1:1: the file holds no mapping; write `key: value` lines", id="a list"),
        pytest.param(
            "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: 'a' is here twice (first in line 1); remove one", id="Y4 key twice"
        ),
        pytest.param(
            "a: [1]\nb: *x\n", "f.yaml:2:4: aliases (`*name`) are not allowed; write the value out", id="alias"
        ),
        pytest.param("a: &x [1]\n", "f.yaml:1:4: anchors (`&x`) are not allowed; remove it", id="anchor of a list"),
        pytest.param("a: &x 1\n", "f.yaml:1:4: anchors (`&x`) are not allowed; remove it", id="anchor of a value"),
        pytest.param(
            "a:\n  <<: {b: 1}\n", "f.yaml:2:3: a key must be a plain word; write one, or remove it", id="merge key"
        ),
        pytest.param(
            "? [a]\n: 1\n", "f.yaml:1:3: a key must be a plain word; write one, or remove it", id="list as key"
        ),
        pytest.param(
            "a: !!python/object/apply:os.system [id]\n",
            "f.yaml:1:4: tags such as `!!python/object/apply:os.system` are not allowed; remove it",
            id="Y17 python object",
        ),
        pytest.param("a: !env HOME\n", "f.yaml:1:4: tags such as `!env` are not allowed; remove it", id="own tag"),
        pytest.param(
            "a: 2026-02-30\n",
            "f.yaml:1:4: not a value: day is out of range for month; write it as it is meant, or in quotes",
            id="no such day",
        ),
        pytest.param(
            "a: 0170\n",
            "f.yaml:1:4: 0170 is no plain number; write it in digits alone, or in quotes",
            id="Y8 octal number",
        ),
        pytest.param(
            "a: 1:30\n",
            'f.yaml:1:4: 1:30 is a number without quotes; write "01:30"',
            id="a time that is a number to base 60",
        ),
        pytest.param(
            "a: 1:30:00\n",
            "f.yaml:1:4: 1:30:00 is no plain number; write it in digits alone, or in quotes",
            id="number to base 60",
        ),
        pytest.param(
            "a: 0x" + "f" * 5000 + "\n",
            "f.yaml:1:4: 0xffffffffffffffffff is no plain number; write it in digits alone, or in quotes",
            id="a number of 5000 digits",
        ),
        pytest.param(
            "a: {b: 1\n",
            "f.yaml:2:1: not valid YAML: did not find expected ',' or '}'; "
            "look for indentation, quotes and brackets above it",
            id="Y23 half a file",
        ),
        pytest.param(
            "a:\n\tb: 1\n",
            "f.yaml:2:1: not valid YAML: found character that cannot start any token; "
            "look for indentation, quotes and brackets above it",
            id="tab",
        ),
        pytest.param(
            "a: 1\nb: \x00\n",
            "f.yaml:2:4: not valid YAML: character 0x0000 cannot be in a text; remove it",
            id="NUL byte",
        ),
        pytest.param("a: 1\nb: \udcff\n", "f.yaml:2:4: not UTF-8 text; save the file as UTF-8", id="Latin 1"),
        pytest.param(
            "a: 1\n---\nb: 1\n",
            "f.yaml:2:1: a second document begins here; write one a file, without `---` between",
            id="two documents",
        ),
    ],
)
def test_a_mistake_is_told_with_line_column_and_what_to_write_instead(text: str, said: str) -> None:
    assert mistakes(text) == [said]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: " + "[" * 400_000, id="brackets"),
        pytest.param("a: " + "{a: " * 200_000, id="braces"),
        pytest.param("a:\n  " + "- " * 300_000, id="dashes"),
        pytest.param("".join(f"{'  ' * depth}a:\n" for depth in range(500)), id="indentation"),
    ],
)
def test_y16_a_file_nested_a_hundred_thousand_deep_is_refused(text: str) -> None:
    (said,) = mistakes(text)
    assert "nested more than 20 deep; remove" in said


def test_y16_a_billion_laughs_are_refused_anchors() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    said = mistakes(text)
    assert len(said) == 11
    assert all("are not allowed; remove it" in each for each in said)


SCALARS = st.text("0123456789+-.:_eExoTZtrufalsnyNO~=<'\" ", max_size=80) | st.from_regex(
    r"[-+]?[0-9_]{1,4}([.:][0-9_]{0,4}){0,3}([eE][-+]?[0-9]{1,2})?|[0-9]{4}-[0-9]{2}-[0-9]{2}|"
    r"(?i:yes|no|on|off|true|false|null|\.inf|\.nan)",
    fullmatch=True,
)


@given(SCALARS)
def test_a_value_that_is_taken_is_what_yaml_says(text: str) -> None:
    text = f"a: {text}\n"
    if not mistakes(text):
        assert repr(document.read("f.yaml", text).data) == repr(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    ["yes", "Off", "~", "", "12", "-0", "1.5", "-.5", "1.0e+3", ".inf", "2026-09-01", "2026-09-01 10:00:00", "x"],
)
def test_what_people_write_is_taken(text: str) -> None:
    assert document.read("f.yaml", f"a: {text}\n").data == yaml.safe_load(f"a: {text}\n")


def test_control_characters_of_a_file_reach_no_log_or_terminal() -> None:
    (said,) = mistakes('"a\\n\\e[2J": 1\n"a\\n\\e[2J": 2\n')
    assert said == "f.yaml:2:1: 'a\\n\\x1b[2J' is here twice (first in line 1); remove one"
