"""The wheel of the command: with its man page, and what shells complete it by."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from coursehub.cli.main import VERBS, program
from coursehub.version import VERSION

from ci import manual, wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix into which the wheel is installed, without what it depends on."""
    made, prefix = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("prefix")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    subprocess.run([*pip, "--ignore-installed", "--prefix", prefix, wheel.build(made)], check=True)
    return prefix


def test_the_wheel_has_the_command_of_this_checkout(installed: Path) -> None:
    (packages,) = installed.glob("lib/python3*/site-packages")
    # The one of this checkout is on the path, too, behind it.
    command = [sys.executable, "-c", "import sys; from coursehub.cli.main import main; sys.exit(main(['--version']))"]
    said = subprocess.run(command, env={"PYTHONPATH": str(packages)}, check=True, capture_output=True, text=True)
    assert said.stdout == f"coursehub {VERSION}\n"
    assert (installed / "bin/coursehub").exists()
    assert [*packages.glob("coursehub/**/*.html")]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("share/man/man1/coursehub.1", ".TH COURSEHUB 1"),
        ("share/bash-completion/completions/coursehub", "complete -o nosort -F"),
        ("share/zsh/site-functions/_coursehub", "#compdef coursehub"),
        ("share/fish/vendor_completions.d/coursehub.fish", "complete --no-files --command coursehub"),
    ],
)
def test_beside_the_command_lies_what_man_and_shells_look_for(installed: Path, place: str, says: str) -> None:
    assert says in (installed / place).read_text()


def test_a_checkout_comes_before_the_release_that_it_becomes() -> None:
    assert wheel.version("0.2.0-c0123456789ab") == "0.2.0.dev0+c0123456789ab"
    assert wheel.version("0.2.0") == "0.2.0"


def test_the_man_page_has_each_command_with_its_options_and_example() -> None:
    page = manual.page("0.2.0")
    assert [verb for verb in VERBS if f".SS coursehub {verb}" not in page] == []
    listed = page[page.index(".SS coursehub course list") :].split(".SS ", 2)[1]
    assert ".TP\n\\fB\\-\\-namespace NAME\\fR\nWhere the hub runs" in listed
    assert ".PP\nExample: coursehub course list\n" in listed


def test_no_text_of_a_command_is_taken_for_a_macro(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Read `a-b`.\n\n.so /etc/passwd is\\fBtext\n\n'quoted' too"
    odd = click.Command("odd", help=text)
    monkeypatch.setattr(program, "list_commands", lambda _: ["odd"])
    monkeypatch.setattr(program, "get_command", lambda *_: odd)
    page = manual.page("0.2.0")
    assert "Read \\fBa\\-b\\fR.\n" in page
    assert "\n\\&.so /etc/passwd is\\efBtext\n\\(aqquoted\\(aq too\n" in page.replace(".PP\n", "")
