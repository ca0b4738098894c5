"""`coursehub announce`: what is asked of the hub, what is said, and the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command import Door, run

SHOWN = {"course": None, "level": "warning", "text": "Down.", "since": "2026-11-28T14:00:00+02:00", "until": None}
OURS = {**SHOWN, "course": "python-intro", "level": "info", "until": "2026-12-01T18:00+02:00"}


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
    ("before", "message"),
    [(SHOWN, "taken down: warning for everybody: Down.\n"), (None, "nothing was announced\n")],
)
def test_clearing_says_what_was_there(
    door: Door, capsys: pytest.CaptureFixture[str], before: dict[str, Any] | None, message: str
) -> None:
    door.answer = {"before": before}
    assert run("announce", "--clear") == 0
    assert door.asked[0] == {"namespace": "coursehub", "ask": "clear", "course": None, "dry_run": False}
    assert capsys.readouterr().out == message


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
    ("arguments", "code", "message"),
    [
        ((), 2, "give one of TEXT, --file, --clear and --list"),
        (("x", "--clear"), 2, "give one of TEXT, --file, --clear and --list"),
        (("x", "--level", "loud"), 2, "'loud' is not one of 'info', 'warning', 'error'"),
        (("x", "--course", "A B"), 2, "'A B' is no course's slug"),
        (("x" * 501,), 1, "coursehub: the text: write 1 to 500 characters, not 501"),
        (("[x](javascript:y)",), 1, "coursehub: the text: 'javascript:y' is no address"),
        (("--file", "nowhere"), 1, "coursehub: nowhere: No such file or directory"),
    ],
)
def test_what_is_no_announcement_never_reaches_the_hub(
    door: Door, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert run("announce", *arguments) == code
    assert message in capsys.readouterr().err
    assert door.asked == []
