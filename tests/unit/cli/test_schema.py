"""`coursehub schema` prints what docs/reference has."""

from pathlib import Path

import pytest

from tests.unit.cli.command import run

ROOT = Path(__file__).parents[3]


def test_it_prints_the_schema_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert capsys.readouterr().out == (ROOT / "docs/reference/courses.schema.json").read_text()
