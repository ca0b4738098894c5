"""A report says what is wrong at the beginning of a line, and what to do in the next."""

import json

import pytest
from coursehub.cli import report
from coursehub.cli.report import Line

LINES = [Line("nodes", "3 ready"), Line("hub's database", "no StorageClass is the default", "name one")]


def test_a_line_that_is_wrong_is_marked_and_followed_by_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.show(LINES, as_json=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        "  nodes           3 ready",
        "! hub's database  no StorageClass is the default",
        "                  -> name one",
    ]


def test_where_nothing_is_wrong_the_exit_code_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.show(LINES[:1], as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == [{"what": "nodes", "said": "3 ready", "todo": None}]
