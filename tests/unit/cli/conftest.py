"""The files and the volume that commands are run on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.cli import hub

from tests.support import COURSES, SITE
from tests.unit.cli.asked import kubectl as kubectl
from tests.unit.cli.command import FILES, Door, run

BROKEN = "courses:\n  a: {nam: A}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a site, good courses, broken ones and an empty volume, in which the command runs."""
    before = os.umask(0o022)
    for name, text in (("site.yaml", SITE), ("courses.yaml", COURSES), ("broken.yaml", BROKEN)):
        (tmp_path / name).write_text(text)
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.umask(before)


@pytest.fixture
def root(files: Path) -> Path:
    """The empty volume."""
    return files / "root"


@pytest.fixture
def made(root: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The volume as `storage ensure` makes it."""
    assert run("storage", "ensure", *FILES) == 0
    capsys.readouterr()
    return root


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """In the running hub's place."""
    door = Door()
    monkeypatch.setattr(hub, "ask", door)
    return door
