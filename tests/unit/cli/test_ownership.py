"""`coursehub storage rename` and `regroup`, on a real tree."""

import json
import os
from pathlib import Path

import pytest

from tests.support import COURSES, SITE
from tests.unit.cli.command import FILES, run, wrong_usage

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away"),
    pytest.mark.usefixtures("files"),
]

RENAME = ("storage", "rename", "--root", "root")
REGROUP = ("storage", "regroup", "--root", "root", "python-intro", "--gid", "70105")


def test_i8_after_a_change_of_login_or_uid_a_home_is_refused_until_it_is_renamed(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "home/01/maria/work").write_text("hers")
    new = SITE.replace("maria: {uid: 20001", "maria.smith: {uid: 20001")
    (tmp_path / "site.yaml").write_text(new.replace("jonas: {uid: 20002", "jonas: {uid: 20005"))
    assert run("storage", "ensure", *FILES) == 1
    refused = capsys.readouterr().err
    for command in ("rename maria maria.smith", "rename jonas jonas --uid 20005"):
        assert f"`coursehub storage {command}`" in refused
        assert run(*RENAME, *command.split()[1:]) == 0
    output = capsys.readouterr().out.splitlines()
    assert "move home/01/maria to home/01/maria.smith" in output
    assert "still to do: the directory, the site's values and the course files have to say maria.smith" in output
    assert run("storage", "ensure", *FILES) == 0
    assert (made / "home/01/maria.smith/work").read_text() == "hers"
    assert (made / "home/05/jonas").stat().st_uid == 20005
    assert run("course", "check", "--all", *FILES) == 0


def test_a_dry_run_says_what_would_be_done_and_a_second_run_has_nothing_to_say(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*RENAME, "maria", "maria", "--uid=20103", "--dry-run", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {"step": "moved", "path": "home/01/maria", "to": "home/03/maria", "done": False} in said["steps"]
    assert (made / "home/01/maria").stat().st_uid == 20001
    assert run(*RENAME, "maria", "maria", "--uid=20103") == 0
    assert run("storage", "people", "--root", "root") == 0
    assert "maria:20103" in capsys.readouterr().out.splitlines()
    assert run(*RENAME, "maria", "maria", "--uid=20103") == 0
    assert capsys.readouterr().out == ""


def test_what_stays_as_it_was_is_said_and_is_no_success(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made / "home/01/maria/mine").write_text("")
    os.chown(made / "home/01/maria/mine", 20001, 20001)
    os.link(made / "home/01/maria/mine", made / "home/02/jonas/hers")
    assert run(*RENAME, "maria", "maria", "--uid=20103") == 1
    assert "1 stay as they are: they have names elsewhere too (hard links)" in capsys.readouterr().out


def test_s6_a_submissions_name_is_plain_text_on_the_terminal(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsencode(made / "exchange/python-intro/inbound") + b"/maria+\x1b]0;x\x07\xff+ps1\n"
    os.mkdir(name)
    os.chown(name, 20001, 70101)
    assert run(*RENAME, "maria", "maria.smith") == 0
    output = capsys.readouterr().out
    assert r"move exchange/python-intro/inbound/maria+\x1b]0;x\x07\xff+ps1\n to" in output
    assert all(line.isprintable() for line in output.splitlines())


def test_a_home_that_is_taken_is_a_sentence(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*RENAME, "maria", "jonas") == 1
    assert "coursehub: home/02/jonas of uid 20002 is there already: nothing was changed" in capsys.readouterr().err


def test_f15_a_course_with_another_gid_is_refused_until_it_is_regrouped(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "courses.yaml").write_text(COURSES.replace("gid: 70101", "gid: 70105"))
    assert run("course", "create", "python-intro", *FILES) == 1
    assert "`coursehub storage regroup python-intro --gid 70105`" in capsys.readouterr().err
    assert run(*REGROUP, "--dry-run") == 0
    assert (made / "course/python-intro/files").stat().st_gid == 70101
    assert run(*REGROUP) == 0
    output = capsys.readouterr().out
    assert "correct course/python-intro/files to group 70105" in output
    assert "still to do: the course file has to say `gid: 70105`: helm upgrade" in output
    assert run("course", "check", "--all", *FILES) == 0
    assert run(*REGROUP) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rename", "Maria", "maria", "--root=root"), "is no login name: a login name has a-z, 0-9"),
        (("rename", "maria", "../x", "--root=root"), "is no login name"),
        (("rename", "maria", "maria", "--root=root", "--uid=0"), "'0' is no whole number from 1000 to 2147483646"),
        (("regroup", "python-intro", "--root=root", "--gid=abc"), "'abc' is no whole number from 1000 to"),
        (("regroup", "../x", "--root=root", "--gid=70105"), "is no course's slug"),
    ],
)
def test_what_is_no_name_or_number_is_told(words: tuple[str, ...], sentence: str) -> None:
    error = wrong_usage("storage", *words)
    assert error
    assert sentence in error.format_message()
