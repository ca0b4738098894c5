"""`coursehub completion`: what a shell does with the script at the tab key."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import run

PROGRAM = f"#!{sys.executable}\nimport sys\nfrom coursehub.cli.main import main\nsys.exit(main())\n"
# The last word is the one at which the key is pressed.
PRESS = """
source ./script
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { echo "offers $2"; }
_coursehub_completion coursehub
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Where the program and bash's script are."""
    (tmp_path / "coursehub").write_text(PROGRAM)
    (tmp_path / "coursehub").chmod(0o755)
    assert run("completion", "bash") == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    return tmp_path


def completed(folder: Path, line: str) -> list[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    assert bash
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        [bash, "--norc", "-c", PRESS, "bash", *line.split(" ")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("coursehub re", ["restart", "resources"]),
        ("coursehub us", ["user"]),
        ("coursehub course ", ["archive", "check", "create", "due", "list"]),
        ("coursehub course check --a", ["--all"]),
        ("coursehub restart p", ["proxy", "provisioner"]),
        ("coursehub explain --user maria --role g", ["grading"]),
        ("coursehub check --site ", ["offers default", ""]),
        ("coursehub check --site site.yaml ", ["offers default", ""]),
    ],
)
def test_bash_completes_commands_options_choices_and_files(folder: Path, line: str, offered: list[str]) -> None:
    assert completed(folder, line) == offered


def test_bash_takes_the_script(folder: Path) -> None:
    """`complete` says for which program, and by which function."""
    done = subprocess.run(
        ["bash", "--norc", "-c", "source ./script && complete -p coursehub"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["complete", "-o", "nosort", "-F", "_coursehub_completion", "coursehub"]


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        ("zsh", ("#compdef coursehub", "_COURSEHUB_COMPLETE=zsh_complete", "compdef _coursehub_completion coursehub")),
        ("fish", ("_COURSEHUB_COMPLETE=fish_complete", "complete --no-files --command coursehub")),
    ],
)
def test_the_scripts_of_other_shells_ask_the_program_too(
    capsys: pytest.CaptureFixture[str], shell: str, lines: tuple[str, ...]
) -> None:
    assert run("completion", shell) == 0
    script = capsys.readouterr().out
    assert [line for line in lines if line not in script] == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_what_the_program_answers_other_shells(folder: Path, shell: str) -> None:
    line, at = ("coursehub restart p", "2") if shell == "zsh" else ("coursehub restart", "p")
    environment = {**os.environ, "_COURSEHUB_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": at}
    done = subprocess.run([folder / "coursehub"], env=environment, capture_output=True, text=True, check=True)
    assert "proxy" in done.stdout
    assert "hub" not in done.stdout.split()


@pytest.mark.parametrize(
    ("shell", "given"),
    [
        ("bash", {}),
        ("bash", {"COMP_WORDS": "coursehub re"}),
        ("bash", {"COMP_CWORD": "1"}),
        ("bash", {"COMP_WORDS": "coursehub re", "COMP_CWORD": "odd"}),
        ("zsh", {"COMP_WORDS": "coursehub re", "COMP_CWORD": ""}),
        ("fish", {"COMP_WORDS": "coursehub re", "COMP_CWORD": " "}),
        ("tcsh", {"COMP_WORDS": "coursehub re", "COMP_CWORD": "1"}),
    ],
)
def test_a_shell_that_asks_oddly_gets_no_words_into_its_prompt(folder: Path, shell: str, given: dict[str, str]) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COMP_")}
    environment = {**bare, **given, "_COURSEHUB_COMPLETE": f"{shell}_complete"}
    done = subprocess.run([folder / "coursehub"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
