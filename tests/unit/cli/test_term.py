"""`coursehub course due`: what the dates of the courses bring."""

import json
from datetime import date
from pathlib import Path

import pytest
from coursehub.cli import term as command

from tests.unit.cli.command import run

TERM = """\
courses:
  python-intro: {name: Python, gid: 70101, open: 2026-09-01, close: 2026-12-31, archive: 2027-06-30}
  statistics-lab: {name: Statistics, open: 2026-09-01, archive: 2026-12-31}
  always: {name: Always, students: everyone}
"""
FILES = ("--site", "site.yaml", "term.yaml")


@pytest.fixture(autouse=True)
def term(files: Path) -> Path:
    """A folder with a site and courses with dates."""
    (files / "term.yaml").write_text(TERM)
    return files


def test_it_lists_what_comes_in_the_order_of_time_and_what_is_left_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("course", "due", "--from", "2026-09-01", "--days", "303", *FILES) == 0
    assert capsys.readouterr().out == (
        "Tuesday 2026-09-01    python-intro    opens: coursehub course create python-intro\n"
        "Tuesday 2026-09-01    statistics-lab  opens\n"
        "Thursday 2026-12-31   python-intro    closes\n"
        "Thursday 2026-12-31   statistics-lab  is archived\n"
        "Wednesday 2027-06-30  python-intro    is archived: coursehub course archive python-intro\n"
    )


@pytest.mark.parametrize(
    ("first", "days", "courses"),
    [
        pytest.param("2026-12-31", "1", ["python-intro", "statistics-lab"], id="the first day counts"),
        pytest.param("2026-12-30", "2", ["python-intro", "statistics-lab"], id="the last day counts"),
        pytest.param("2026-12-29", "2", [], id="the day after the last does not"),
        pytest.param("2027-01-01", "180", [], id="the day before the first does not"),
        pytest.param("2027-01-01", "181", ["python-intro"], id="the next year"),
    ],
)
def test_days_are_counted_with_the_first_one(
    capsys: pytest.CaptureFixture[str], first: str, days: str, courses: list[str]
) -> None:
    assert run("course", "due", "--from", first, "--days", days, "--json", *FILES) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["course"] for each in answer["due"]] == courses


def test_a_script_gets_the_key_the_day_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("course", "due", "--from", "2027-06-30", "--days", "1", "--json", *FILES) == 0
    assert json.loads(capsys.readouterr().out) == {
        "from": "2027-06-30",
        "through": "2027-06-30",
        "due": [
            {
                "day": "2027-06-30",
                "key": "archive",
                "course": "python-intro",
                "toDo": "coursehub course archive python-intro",
            }
        ],
    }


def test_where_nothing_comes_it_says_so_for_the_days_from_today_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "today", lambda _site: date(2026, 10, 19))
    assert run("course", "due", *FILES) == 0
    assert capsys.readouterr().out == "nothing opens, closes or is archived from 2026-10-19 through 2026-11-17\n"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("--days", "0"), "'0' is no whole number from 1 to 3660"),
        (("--from", "soon"), "'soon' is no day from 2000 to 2999; write one as 2027-01-11"),
    ],
)
def test_another_word_than_a_day_or_a_number_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], option: tuple[str, str], sentence: str
) -> None:
    assert run("course", "due", *option, *FILES) == 2
    assert sentence in capsys.readouterr().err
