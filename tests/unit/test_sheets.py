"""Tables of grades: what people and others' software called things runs in no spreadsheet, and comes back as it was."""

import csv
import io
import re
import runpy
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

SHEETS = Path(__file__).parents[2] / "images/singleuser/coursehub_sheets.py"
sheets: Any = SimpleNamespace(**runpy.run_path(str(SHEETS)))
# Whole words of attacks between any other characters, surrogates of bytes that are no UTF-8 included.
texts = st.text() | st.text(
    st.sampled_from("=+-@＝＋－＠\t\r\n\0,;'\" |\u00a0\u202e\u2066\x85\u2028\udce9axX1()"), max_size=12
)
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def parsed(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


@given(st.lists(st.tuples(texts, texts | st.floats(-1e6, 1e6) | st.none()), min_size=1, max_size=4))
@example([("=1+1", -1.5)])
@example([("a;=1+1", None)])
@example([("a,=1+1", "\t=1")])
def test_no_cell_is_a_formula_by_whatever_separator_it_is_read(rows: list[tuple[Any, Any]]) -> None:
    text = sheets.written(rows)
    assert len(text.encode().decode().splitlines()) == len(rows)
    cells = [cell for delimiter in ",;\t" for row in parsed(text, delimiter) for cell in row]
    cells += re.split("[,;\t\n]", text)
    for cell in cells:
        begin = cell.strip().lstrip('"').strip()
        assert begin[:1] not in {*"=+-@＝＋－＠"} or NUMBER.fullmatch(begin), (cell, text)
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Zl", "Zp"}
        assert unicodedata.bidirectional(character) not in {
            "RLO",
            "LRO",
            "RLE",
            "LRE",
            "RLI",
            "LRI",
            "FSI",
            "PDI",
            "PDF",
        }


@given(st.lists(st.text(st.characters(categories=["L", "M", "N", "Zs"]), min_size=1), min_size=1, max_size=5))
@example(["Übung 1", "课程", 'say "hi"', "Bob's lab", "Lab #1, 50% (b)", "\U0001f469\u200d\U0001f4bb"])
def test_what_people_call_an_assignment_comes_back_as_it_was(names: list[str]) -> None:
    assert parsed(sheets.written([names])) == [names]


@given(st.floats(0, 1000).map(lambda value: round(value, 5)))
def test_points_come_back_as_they_were(value: float) -> None:
    assert float(sheets.number(value)) == pytest.approx(value, abs=1e-5)
    assert NUMBER.fullmatch(sheets.number(value))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(0.0, "0"), (-0.0, "0"), (2.0, "2"), (10.0, "10"), (0.1 + 0.2, "0.3"), (1234567.5, "1234567.5"), (-1e-9, "0")],
)
def test_points_have_a_point_and_no_more_than_they_need(value: float, wanted: str) -> None:
    assert sheets.number(value) == wanted


@given(
    st.lists(st.tuples(texts, texts, texts), unique_by=lambda each: each[0], max_size=5),
    st.sampled_from(["login", "email", "id"]),
)
@example([("maria", "Maria@x.example", "1"), ("jonas", "maria@x.example", "")], "email")
@example([("maria", "maria", "=1")], "email")
def test_a_person_is_found_by_what_they_have_or_named(people: list[tuple[str, str, str]], by: str) -> None:
    students = [sheets.Student(login, email=email, id=number) for login, email, number in people]
    keys, bad = sheets.keyed(students, by)
    for login, key in keys.items():
        assert parsed(sheets.written([[key, "x"]])) == [[key, "x"]], "a key has been changed, and would find nobody"
        (mine,) = [each for each in students if each.login == login]
        assert key == getattr(mine, by)
    assert len({key.casefold() for key in keys.values()}) == len(keys), "two people would be one"
    missing = [each.login for each in students if each.login not in keys]
    assert bool(bad) == bool(missing)
    assert all(any(sheets.named(login) in sentence for sentence in bad) for login in missing)
    assert all(sentence.isprintable() for sentence in bad)


@pytest.mark.parametrize(
    "name",
    ["Lab (1)", "Final Score", "My Current Points", "Final Grade 2", "Override Status", "1,5", "1.2.3", "50%"],
)
def test_what_canvas_would_take_for_something_else_is_said(name: str) -> None:
    assert repr(name) in sheets.misread([sheets.Assignment(name, None, 1.0)], "canvas")[0]
    assert not sheets.misread([sheets.Assignment(name, None, 1.0)], "moodle")


def test_two_columns_of_one_name_are_said() -> None:
    both = [sheets.Assignment(name, None, 1.0) for name in ("=a", "'=a", "b")]
    assert len(sheets.misread([both[0], both[2]], "canvas")) == 0
    doubled = [sheets.Assignment(name, None, 1.0) for name in ("a\n", "a\\n")]
    assert "would have the same column" in sheets.misread(doubled, "moodle")[0]
