"""Names become paths, labels and profile slugs, so nothing doubtful gets in."""

import re

import pytest
from coursehub.names import is_person, is_slug
from hypothesis import example, given
from hypothesis import strategies as st

BAD = [
    pytest.param(text, id=repr(text)[:30])
    for text in (
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc",
        "a b",
        "a%2f",
        "a\n",
        "\na",
        "a\x00",
        "-x",
        "{x}",
        "{username}",
        "x" * 300,
    )
] + [
    pytest.param("\u0430nna", id="Cyrillic a"),
    pytest.param("a\u202eb", id="RTL"),
    pytest.param("a\U0001f600", id="emoji"),
]


@pytest.mark.parametrize("text", [*BAD, *(pytest.param(text, id=text) for text in ("a--b", "a-", "CS1", "a_b", "a.b"))])
def test_y1_y2_y3_an_unsafe_slug_is_refused(text: str) -> None:
    assert not is_slug(text)


@pytest.mark.parametrize(
    "text", [*BAD, *(pytest.param(text, id=text) for text in ("Alice", ".anna", "_" * 64, "anna@uni", "mar\u212a"))]
)
def test_i2_an_unsafe_login_name_is_refused(text: str) -> None:
    assert not is_person(text)


@pytest.mark.parametrize("text", ["a", "1", "python-intro", "x" * 48, "cs-101-b"])
def test_ordinary_slugs_are_fine(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize(
    "text", ["anna", "a", "anna.maria", "anna_2", "x" * 63, "20001", "0", "1anna", "_anna", "anna."]
)
def test_ordinary_login_names_are_fine(text: str) -> None:
    assert is_person(text)


@given(st.text())
@example("a\n")
@example("a--b")
def test_whatever_is_a_slug_is_one_path_component_and_holds_no_profile_separator(text: str) -> None:
    if is_slug(text):
        assert re.fullmatch("[a-z0-9-]{1,48}", text)
        assert "--" not in text
        assert text[0] != "-"
        assert text[-1] != "-"


@given(st.text())
@example("a\n")
def test_whatever_is_a_login_name_is_one_path_component_and_no_template(text: str) -> None:
    if is_person(text):
        assert re.fullmatch("[a-z0-9._-]{1,63}", text)
        assert text not in (".", "..")
        assert text[0] not in "-."
