"""The command: what it says, and the exit code that a script sees."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from coursehub.cli import main
from coursehub.errors import Refused
from coursehub.version import VERSION

from tests.unit.cli.command import FILES, run


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["check", "--site", "site.yaml", "courses.yaml"], 0, [], id="fine"),
        pytest.param(
            ["check", "courses.yaml"],
            0,
            ["without --site: images, nodes, groups, gids and variables are not held against the site's"],
            id="no site",
        ),
        pytest.param(
            ["check", "--site", "site.yaml", "broken.yaml", "courses.yaml"],
            1,
            [
                "broken.yaml:2:3: course 'a': 'name' is missing; add it",
                "broken.yaml:2:7: course 'a': unknown key 'nam'; did you mean 'name'?",
            ],
            id="mistakes",
        ),
        pytest.param(
            ["check", "--site", "broken.yaml", "courses.yaml"],
            1,
            ["broken.yaml:1:1: 'general' is missing; add it"],
            id="no site's values",
        ),
        pytest.param(["check", "gone.yaml"], 1, ["coursehub: gone.yaml: No such file or directory"], id="no such file"),
        pytest.param(
            ["check", "root"], 1, ["root:1:1: the folder holds no course file (*.yaml)"], id="an empty folder"
        ),
        pytest.param(
            ["storage", "ensure", "--root", "gone", "--site", "site.yaml", "courses.yaml"],
            1,
            ["coursehub: gone is no directory; mount the volume there first"],
            id="no volume",
        ),
        pytest.param(
            ["storage", "ensure", "--root", "root", "--site", "site.yaml", "broken.yaml"],
            1,
            [
                "broken.yaml:2:3: course 'a': 'name' is missing; add it",
                "broken.yaml:2:7: course 'a': unknown key 'nam'; did you mean 'name'?",
            ],
            id="storage with mistakes",
        ),
        *(
            pytest.param(arguments, 2, None, id=f"usage: {' '.join(arguments)}")
            for arguments in (
                [],
                ["chekc"],
                ["check"],
                ["check", "--jsn", "x"],
                ["storage"],
                ["storage", "ensure", "x"],
                ["user"],
                ["user", "show"],
                ["explain"],
                ["explain", "--user", "maria", "courses.yaml"],
                ["explain", "--user", "maria", "--site", "site.yaml"],
                ["explain", "--user", "maria", "--role", "admin"],
                ["course"],
                ["course", "create", "python-intro"],
                ["course", "check", "--root", "root", "--site", "site.yaml", "courses.yaml"],
                ["course", "check", "--all", "--root", "root", "--site", "site.yaml", "courses.yaml", "--bogus"],
                ["storage", "door", "--root", "root"],
                ["storage", "people", "--root", "root", "x"],
                ["storage", "serve", "--root", "root", "--token", "token"],
                ["secrets"],
                ["secrets", "apply"],
                ["secrets", "apply", "root", "other"],
                ["restart"],
                ["restart", "everything"],
                ["shell"],
                ["status", "x"],
                ["usage", "--days", "0"],
                ["usage", "--prometheus", "file:///etc/passwd"],
                ["usage", "--course", "No Slug"],
                ["completion"],
                ["completion", "powershell"],
            )
        ),
    ],
)
def test_exit_code_and_what_is_said(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: list[str] | None
) -> None:
    assert run(*arguments) == code
    written = capsys.readouterr()
    if message is not None:
        assert [
            line for line in written.err.splitlines() if "without --site" not in line or message == [line]
        ] == message
        assert not written.out
    else:
        assert written.err.startswith("Usage: coursehub")


def commands(found: click.Command | None, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of a command, and of each below it."""
    yield words
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            yield from commands(found.get_command(context, name), *words, name)


@pytest.mark.parametrize("words", list(commands(main.program)), ids=lambda words: " ".join(words))
def test_each_command_has_a_help_text(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(*words, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith(" ".join(("Usage: coursehub", *words)))
    assert "Commands:\n" in text or f"Example: coursehub {' '.join(words)}" in text
    assert max(map(len, text.split("Example:")[0].splitlines())) <= 100


def test_the_help_lists_each_verb_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    listed = capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(main.VERBS)
    assert all(line.endswith(".") and "..." not in line for line in listed)


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"coursehub {VERSION}\n"


CHECK = ("check", "--site", "site.yaml", "broken.yaml", "courses.yaml")
EXPLAIN = ("explain", "--site", "site.yaml", "--user", "maria", "--course", "python-intro", "courses.yaml")
IMAGES = ("images", "--values", "--site", "site.yaml", "courses.yaml")
ENSURE = ("storage", "ensure", "--dry-run", "--user", "maria", "--user", "peter", *FILES)
COURSE = ("course", "create", "--dry-run", *FILES[:4], "python-intro", "courses.yaml")
ONE = ("course", "check", *FILES[:4], "old-course", "courses.yaml")
ALL = ("course", "check", "--all", "--repair", "--dry-run", *FILES)


@pytest.mark.parametrize(
    ("ordered", "words"),
    [
        (CHECK, "check broken.yaml courses.yaml --site site.yaml"),
        (CHECK, "check broken.yaml --site site.yaml courses.yaml"),
        (CHECK, "check --site=site.yaml broken.yaml courses.yaml"),
        (EXPLAIN, "explain courses.yaml --user maria --course python-intro --site site.yaml"),
        (EXPLAIN, "explain --user maria --site site.yaml courses.yaml --course python-intro"),
        (IMAGES, "images --site site.yaml --values courses.yaml"),
        (IMAGES, "images --site site.yaml courses.yaml --values"),
        (ENSURE, "storage ensure --user=maria --root root --site site.yaml courses.yaml --user=peter --dry-run"),
        (ENSURE, "storage ensure courses.yaml --user maria --dry-run --user peter --site site.yaml --root root"),
        (COURSE, "course create python-intro --root root --site site.yaml courses.yaml --dry-run"),
        (COURSE, "course create --root root python-intro --site site.yaml --dry-run courses.yaml"),
        (ONE, "course check old-course --root root --site site.yaml courses.yaml"),
        (ONE, "course check old-course courses.yaml --site site.yaml --root root"),
        (ALL, "course check --all --root root --site site.yaml courses.yaml --repair --dry-run"),
        (ALL, "course check courses.yaml --repair --dry-run --all --site site.yaml --root root"),
    ],
)
def test_options_may_stand_anywhere(
    files: Path, capsys: pytest.CaptureFixture[str], ordered: tuple[str, ...], words: str
) -> None:
    code = run(*ordered)
    printed = capsys.readouterr()
    assert code in (0, 1), printed.err
    assert printed.out or printed.err
    assert run(*words.split()) == code
    assert capsys.readouterr() == printed


def test_usage_goes_on_as_another_name_of_resources(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for name in ("usage", "resources"):
        assert run(name, "--help") == 0
        texts.append(capsys.readouterr().out.splitlines()[1:])
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "arguments", [("explain", "--user", "maria"), ("course", "list"), ("user", "show", "maria")], ids=" ".join
)
def test_asking_the_running_hub_needs_kubectl_and_says_so(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PATH", str(files))
    assert run(*arguments) == 1
    assert capsys.readouterr().err == ("coursehub: kubectl is not on the PATH; install it\n")


def imported(code: str) -> set[str]:
    """The modules that a Python has in the end which runs this."""
    code = f"import sys\nfrom coursehub.cli.main import main, VERBS\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_command_needs_neither_jupyterhub_nor_kubernetes() -> None:
    names = imported("import importlib\nfor verb in VERBS: importlib.import_module(f'coursehub.cli.{verb}')")
    assert "coursehub.cli.tls" in names
    assert not [name for name in names if name.startswith(("jupyterhub", "kube", "tornado", "ldap3", "aiohttp"))]


def test_a_command_waits_for_no_other_to_be_imported(files: Path) -> None:
    names = imported("assert main(['check', '--site', 'site.yaml', 'courses.yaml']) == 0")
    ours = {name for name in names if name.startswith("coursehub.cli.")}
    assert ours == {f"coursehub.cli.{name}" for name in ("main", "common", "options", "values", "check")}
    assert not names & {"asyncio", "cryptography", "subprocess", "urllib.request"}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(
            PermissionError(13, "Permission denied", "x.yaml"), "coursehub: x.yaml: Permission denied\n", id="a file"
        ),
        pytest.param(OSError(28, "No space left on device"), "coursehub: No space left on device\n", id="no file"),
        pytest.param(TimeoutError("too slow"), "coursehub: too slow\n", id="no number"),
        pytest.param(Refused("Not today."), "coursehub: Not today.\n", id="a refusal"),
        pytest.param(KeyboardInterrupt(), "\n", id="the person's own wish"),
    ],
)
def test_what_goes_wrong_is_a_line_and_never_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, sentence: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("coursehub.config.schema.course_file", fail)
    assert run("schema") == 1
    assert capsys.readouterr().err == sentence


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m coursehub.cli schema | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - a pipe
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_a_terminal_without_a_letter_gets_it_in_another_way_and_no_traceback(files: Path) -> None:
    text = (files / "courses.yaml").read_text()
    (files / "courses.yaml").write_text(text.replace("Introduction to Programming", "Einführung in Python"))
    done = subprocess.run(
        [sys.executable, "-m", "coursehub.cli", "explain", "--site", "site.yaml", "--user", "maria", "courses.yaml"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Einf\\xfchrung in Python" in done.stdout
