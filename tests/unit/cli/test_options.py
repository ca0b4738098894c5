"""What each command is made of."""

import json

import click
import pytest
from click.testing import CliRunner
from coursehub.cli import options
from coursehub.errors import InvalidFile, Problem


@click.command("try", cls=options.Verb, example="coursehub try " + "x" * 200)
@options.as_json
@click.option("--course", type=options.slug)
def command(as_json: bool, course: str | None) -> int:
    """Try it."""
    if course == "wrong":
        raise InvalidFile([Problem("a.yaml", 1, 2, "wrong")])
    return 0 if course else 7


def test_the_exit_code_is_what_the_command_returns() -> None:
    assert command.main([], standalone_mode=False) == 7
    assert command.main(["--course", "x"], standalone_mode=False) == 0


def test_the_example_stays_in_one_line_to_be_copied() -> None:
    assert f"\nExample: coursehub try {'x' * 200}\n" in CliRunner().invoke(command, ["--help"]).stdout


def test_mistakes_in_files_are_json_for_who_asked_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--course", "wrong"], standalone_mode=False) == 1
    assert capsys.readouterr() == ("", "a.yaml:1:2: wrong\n")
    assert command.main(["--course", "wrong", "--json"], standalone_mode=False) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem["message"] == "wrong"


@pytest.mark.parametrize("text", ["No Slug", "../x", "a--b", ""])
def test_what_is_no_slug_is_wrong_usage(text: str) -> None:
    done = CliRunner().invoke(command, ["--course", text])
    assert done.exit_code == 2
    assert f"{text!r} is no course's slug; write a-z, 0-9 and single '-' inside, as python-intro" in done.stderr
