"""What programs print goes through one place, which prints text only."""

import ast
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub import terminal

PACKAGE = Path(terminal.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HOSTILE = "a\x1b[2Jb\nroot: fine\u202e\udcff"
SHOWN = r"a\x1b[2Jb\nroot: fine\u202e\xff"
# How a program could print past `terminal`. What the hub's socket writes is read by the command alone.
PRINTING = {"print", "echo", "secho", "echo_via_pager", "basicConfig", "StreamHandler", "dictConfig", "pprint"}
ELSEWHERE = {"terminal.py", "hub/admin/socket.py"}


def printing(path: Path) -> Iterator[str]:
    """Where a module prints by itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        writes = named in ("write", "writelines", "buffer") and ast.unparse(node).startswith(
            ("sys.stdout", "sys.stderr")
        )
        if named in PRINTING or writes:
            yield f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def test_s6_no_module_prints_past_the_one_that_escapes() -> None:
    assert len(MODULES) > 100
    found = [line for path in MODULES for line in printing(path)]
    assert [line for line in found if line.partition(":")[0] not in ELSEWHERE] == []
    assert {line.partition(":")[0] for line in found} == ELSEWHERE, "a module that printed prints no more"


def test_s6_a_line_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.out(HOSTILE)
    terminal.err(HOSTILE)
    assert capsys.readouterr() == (f"{SHOWN}\n", f"{SHOWN}\n")


def test_s6_what_is_logged_is_one_line_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    stream = io.StringIO()
    terminal.logs("said: %(message)s", logging.INFO, stream)
    logging.getLogger("tests.s6").info("of %s", HOSTILE)
    assert stream.getvalue() == f"said: of {SHOWN}\n"


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_stream_without_a_letter_gets_it_in_another_way(monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.out("Einführung")
    assert stream.buffer.getvalue() == b"Einf\\xfchrung\n"
