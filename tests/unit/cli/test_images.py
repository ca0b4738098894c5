"""`coursehub images`: what to pull, for people, scripts and helm."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.command import run


def test_the_images_of_the_courses_and_who_needs_them(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("images", "--site", "site.yaml", "courses.yaml") == 0
    assert capsys.readouterr().out == (
        "registry.example/python:1\n"
        "    python: general, python-intro, statistics-lab\n"
        "registry.example/r:1\n"
        "    r: data-analysis\n"
    )
    assert run("images", "--json", "--site", "site.yaml", "courses.yaml") == 0
    assert [pull["reference"] for pull in json.loads(capsys.readouterr().out)] == [
        "registry.example/python:1",
        "registry.example/r:1",
    ]
    assert run("images", "--site", "site.yaml", "broken.yaml") == 1
