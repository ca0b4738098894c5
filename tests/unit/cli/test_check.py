"""`coursehub check`: every mistake with its line, as lines or JSON."""

import json
from pathlib import Path
from textwrap import indent

import pytest

from tests.unit.cli.command import run


def test_mistakes_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", "--site", "site.yaml", "broken.yaml") == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["message"] == "'name' is missing; add it"
    assert second == {
        "file": "broken.yaml",
        "line": 2,
        "column": 7,
        "message": "unknown key 'nam'; did you mean 'name'?",
        "course": "a",
    }


def test_the_help_says_what_helm_checks_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "network and the other values of the chart are checked by helm's render" in said


def test_no_mistakes_as_json_are_an_empty_list(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", "--site", "site.yaml", "courses.yaml") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_y23_a_file_in_another_encoding_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "latin.yaml").write_bytes("courses:\n  a: {name: \xe4}\n".encode("latin-1"))
    assert run("check", "--site", "site.yaml", "latin.yaml") == 1
    assert capsys.readouterr().err == "latin.yaml:2:13: not UTF-8 text; save the file as UTF-8\n"


def test_the_values_file_of_a_chart_around_this_one_is_the_sites(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = (files / "site.yaml").read_text()
    (files / "around.yaml").write_text("database: {}\ncoursehub:\n" + indent(site, "  "))
    assert run("check", "--site", "around.yaml", "courses.yaml") == 0, capsys.readouterr().err


def test_more_than_the_release_holds_beside_config_maps_is_said_and_no_mistake(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (files / "site.yaml").open("a") as site:
        site.write("courses: {existingConfigMaps: [mathematics]}\n")
    (files / "large.yaml").write_text("courses: {}\n" + "#" * (400 * 1024))
    assert run("check", "--site", "site.yaml", "large.yaml") == 0
    assert capsys.readouterr().err.startswith("coursehub: the course files are 401 KiB in all, and 400 fit into helm's")


def test_a_gradebook_that_is_a_database_to_which_no_way_is_open_is_a_warning(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "new.yaml").write_text("courses: {c: {name: C, gid: 70101, nbgrader: {gradebook: postgresql}}}\n")
    assert run("check", "--site", "site.yaml", "new.yaml") == 0
    said = capsys.readouterr().err
    assert "c: the gradebook is a database" in said
    assert "network.gradebooks" in said
    with (files / "site.yaml").open("a") as site:
        site.write("network: {gradebooks: {to: [{ipBlock: {cidr: 192.0.2.60/32}}]}}\n")
    assert run("check", "--site", "site.yaml", "new.yaml") == 0
    assert "gradebook" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["local.yaml", "example-university.yaml"])
def test_the_repositorys_own_course_file_holds_no_mistake(name: str) -> None:
    values = Path(__file__).parents[3] / "values"
    assert run("check", "--site", str(values / name), str(values / "courses.yaml")) == 0
