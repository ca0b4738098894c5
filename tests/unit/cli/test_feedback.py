"""`coursehub feedback push`: each page is said, and the exit code says whether all are there."""

import json
import os
from pathlib import Path

import pytest

from tests.unit.cli.command import run
from tests.unit.storage.released import COURSE, PAGE, TIME, as_student, filled, home

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes as somebody else")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume on which two students' feedback is released."""
    return filled(tmp_path)


def test_the_command_says_each_page_and_fails_where_one_failed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("feedback", "push", "--root", str(root), COURSE)
    assert run(*words, "--dry-run") == 0
    assert capsys.readouterr().out == f"copy   jonas {PAGE}\ncopy   maria {PAGE}\n"
    as_student("maria", f"touch {COURSE}", home(root, "maria"))
    assert run(*words, "--json") == 1
    jonas, maria = json.loads(capsys.readouterr().out)
    assert jonas == {"student": "jonas", "path": PAGE, "what": "copy", "reason": ""}
    assert maria["reason"] == f"something else is in the way ({COURSE}/one/feedback/{TIME})"
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_slug_that_leads_elsewhere_is_wrong_usage(root: Path) -> None:
    assert run("feedback", "push", "--root", str(root), "../x") == 2
