"""`coursehub user show`: the account as the directory has it, or why it gets no server."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.command import run

ACCOUNT = ("user", "show", "--site", "site.yaml")


def test_an_account_is_shown_as_the_directory_has_it(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ACCOUNT, "peter") == 0
    assert capsys.readouterr().out.splitlines() == [
        "name    peter",
        "uid     30002",
        "gid     30002",
        "groups  data-analysis (70102)",
        "admin   no",
        "source  file, asked now",
    ]


def test_an_account_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ACCOUNT, "--json", "sofia") == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "sofia",
        "provider": "file",
        "known": True,
        "uid": 30003,
        "gid": 30003,
        "groups": {},
        "hubGroups": [],
        "admin": True,
        "age": 0,
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("stranger", "The account 'stranger' is not known in the university's directory", id="I1 unknown"),
        pytest.param("daemon", "The account 'daemon' is a system account (uid 999, below 20000)", id="I1 system"),
        pytest.param("../x", "The account name '../x' cannot have a server here", id="I2"),
        pytest.param("Anna", "The account name 'Anna' cannot have a server here", id="I4"),
    ],
)
def test_an_account_that_gets_no_server_is_told_why(
    files: Path, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    assert run(*ACCOUNT, name) == 1
    assert capsys.readouterr().err.startswith(sentence)
    assert run(*ACCOUNT, "--json", name) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["known"], report["refusal"].startswith(sentence)) == (False, True)
