"""`coursehub quota report`: what is asked of the hub, and what is said."""

import json

import pytest

from tests.unit.cli.command import Door, run

ROW = {"kind": "home", "name": "maria", "files": 7, "sizeLimit": 2**30, "filesLimit": None, "percent": 50}


def test_the_report_is_a_line_each_or_json(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = {"counted": "2026-11-28T12:00:00+00:00", "usage": [{**ROW, "size": 2**29}]}
    assert run("quota", "report", "--by", "share") == 0
    assert door.asked == [{"namespace": "coursehub", "ask": "usage", "by": "share"}]
    assert capsys.readouterr().out == (
        "counted 2026-11-28T12:00:00+00:00\n  0.50 GiB of   1.00 GiB   50 %  home    maria\n"
    )
    assert run("quota", "report", "--json") == 0
    assert json.loads(capsys.readouterr().out) == door.answer
