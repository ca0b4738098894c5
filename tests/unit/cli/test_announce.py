"""`coursehub announce` and `coursehub quota report`: what is asked of the hub, what is said, and the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import hub, main

SHOWN = {"course": None, "level": "warning", "text": "Down.", "since": "2026-11-28T14:00:00+02:00", "until": None}
OURS = {**SHOWN, "course": "python-intro", "level": "info", "until": "2026-12-01T18:00+02:00"}
ROW = {"kind": "home", "name": "maria", "files": 7, "sizeLimit": 2**30, "filesLimit": None, "percent": 50}


class Door:
    """A hub that answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}

    def __call__(self, namespace: str, question: dict[str, Any]) -> dict[str, Any]:
        self.asked.append({"namespace": namespace, **question})
        return self.answer


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr(hub, "ask", door)
    return door


def run(*arguments: str) -> int:
    """The exit code of `coursehub arguments`."""
    try:
        return main.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_a_text_is_shown_and_what_it_replaces_is_said(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = {"shown": SHOWN, "before": OURS}
    assert run("announce", " Down. ", "--level", "warning", "--until", "2h", "--namespace", "teaching") == 0
    assert door.asked == [
        {
            "namespace": "teaching",
            "ask": "announce",
            "text": "Down.",
            "level": "warning",
            "until": "2h",
            "course": None,
            "dry_run": False,
        }
    ]
    assert capsys.readouterr().out == (
        "taken down: info for course python-intro, until 2026-12-01T18:00+02:00: Down.\n"
        "shown: warning for everybody: Down.\n"
    )


def test_a_dry_run_says_what_would_be(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = {"shown": SHOWN, "before": None}
    assert run("announce", "Down.", "--dry-run") == 0
    assert door.asked[0]["dry_run"]
    assert capsys.readouterr().out == "would be shown: warning for everybody: Down.\n"


def test_a_text_comes_from_a_file_and_reaches_one_course(door: Door, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Down\non Friday.\n")
    door.answer = {"shown": SHOWN, "before": None}
    assert run("announce", "--file", str(tmp_path / "text"), "--course", "python-intro") == 0
    assert (door.asked[0]["text"], door.asked[0]["course"]) == ("Down on Friday.", "python-intro")


@pytest.mark.parametrize(
    ("before", "said"),
    [(SHOWN, "taken down: warning for everybody: Down.\n"), (None, "nothing was announced\n")],
)
def test_clearing_says_what_was_there(
    door: Door, capsys: pytest.CaptureFixture[str], before: dict[str, Any] | None, said: str
) -> None:
    door.answer = {"before": before}
    assert run("announce", "--clear") == 0
    assert door.asked[0] == {"namespace": "coursehub", "ask": "clear", "course": None, "dry_run": False}
    assert capsys.readouterr().out == said


def test_the_list_is_lines_or_json(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = {"announcements": [SHOWN, OURS]}
    assert run("announce", "--list") == 0
    assert capsys.readouterr().out.splitlines()[0] == "warning for everybody: Down."
    assert run("announce", "--list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [SHOWN, OURS]
    door.answer = {"announcements": []}
    assert run("announce", "--list") == 0
    assert capsys.readouterr().out == "nothing is announced\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "give one of TEXT, --file, --clear and --list"),
        (("x", "--clear"), 2, "give one of TEXT, --file, --clear and --list"),
        (("x", "--level", "loud"), 2, "invalid choice: 'loud'"),
        (("x", "--course", "A B"), 2, "'A B' is no course's slug"),
        (("x" * 501,), 1, "coursehub: the text: write 1 to 500 characters, not 501"),
        (("[x](javascript:y)",), 1, "coursehub: the text: 'javascript:y' is no address"),
        (("--file", "nowhere"), 1, "coursehub: nowhere: No such file or directory"),
    ],
)
def test_what_is_no_announcement_never_reaches_the_hub(
    door: Door, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert run("announce", *arguments) == code
    assert said in capsys.readouterr().err
    assert door.asked == []


def test_the_report_is_a_line_each_or_json(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = {"counted": "2026-11-28T12:00:00+00:00", "usage": [{**ROW, "size": 2**29}]}
    assert run("quota", "report", "--by", "share") == 0
    assert door.asked == [{"namespace": "coursehub", "ask": "usage", "by": "share"}]
    assert capsys.readouterr().out == (
        "counted 2026-11-28T12:00:00+00:00\n  0.50 GiB of   1.00 GiB   50 %  home    maria\n"
    )
    assert run("quota", "report", "--json") == 0
    assert json.loads(capsys.readouterr().out) == door.answer
