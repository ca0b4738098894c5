"""`coursehub explain`, from files: yes or no for each course and role, and why."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.command import run

EXPLAIN = ("explain", "--site", "site.yaml", "courses.yaml", "--user")


def test_explain_says_of_each_course_whether_and_why(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*EXPLAIN, "maria") == 0
    output = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert output["data-analysis"] == "yes  maria takes it: listed by name under students; it is open."
    assert output["python-intro--instructor"].startswith("no   You are not an instructor of")
    assert output["old-course"].startswith("no   The course 'Old Course' has been archived since 2026-06-30")
    assert output["general"].startswith("yes")


def test_explain_shows_the_plan_of_one_course_and_role(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*EXPLAIN, "anna", "--course", "python-intro", "--role", "instructor") == 0
    output = capsys.readouterr().out
    assert output.startswith("python-intro--instructor  yes  anna teaches it: listed by name under instructors.\n\n")
    assert "\nuid         30001\n" in output
    assert "/course from share:course/python-intro/files (read and write)" in output
    assert run(*EXPLAIN, "anna", "--course", "python-intro", "--role", "instructor", "--json") == 0
    (profile,) = json.loads(capsys.readouterr().out)["profiles"]
    assert profile["plan"]["limits"] == {"cpu": "2", "memory": "4G", "scratch": "10G"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "The account 'nobody' is not known in the university's directory"),
        (("maria", "--course", "nothing"), "There is no course 'nothing' here."),
        (("jonas", "--course", "data-analysis"), "You are not on the list of 'Data Analysis'."),
    ],
)
def test_explain_says_why_not_and_ends_with_1(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run(*EXPLAIN, *arguments) == 1
    assert message in "".join(capsys.readouterr())
