"""S6: files and people with hostile names, and what each command prints of them."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import COURSES
from tests.unit.cli.asked import RUNNING, Say, answer
from tests.unit.cli.command import FILES, Door, run
from tests.unit.hub.failures.records import failed

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

# Sequences for a terminal, a line that looks like the command's own, turned text, no width, no UTF-8, a lone half.
EVIL = os.fsdecode(b"x\x1b]0;y\x07\x1b[2J\ncoursehub: all is well\r\xe2\x80\xae\xe2\x80\x8b\xff\xc3\xed\xa0\xbd")
NAMES = [EVIL, os.fsdecode(b"\xff\xfe"), "\n", "\x1b[8m", "-rf", "%s{}$(id)`id`", "\u2028", "a" * 255]


def hostile(folder: Path) -> Iterator[Path]:
    """A file or folder of each name, somebody's."""
    for number, name in enumerate(NAMES):
        path = folder / name
        path.mkdir() if number % 2 else path.write_text("")
        os.chown(path, 20001, 20001)
        yield path


@pytest.fixture
def volume(made: Path) -> Path:
    """A volume whose people and courses have put such names wherever they can, and root where only root can."""
    for place in ("files", "data"):
        for path in hostile(made / "course/python-intro" / place):
            if path.is_dir():
                list(hostile(path))
    for below in ("home", "home/01", "course", "exchange", "course/python-intro", "exchange/python-intro/inbound"):
        list(hostile(made / below))
    feedback = made / "course/python-intro/files/feedback"
    feedback.mkdir()
    list(hostile(feedback))
    (feedback / "maria").mkdir()
    list(hostile(feedback / "maria"))
    list(hostile(made / "home/01/maria"))
    return made


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    """The lines of standard output and of standard error, of which each is text."""
    outputs = [text.removesuffix("\n").split("\n") if text else [] for text in capsys.readouterr()]
    for line in (line for lines in outputs for line in lines):
        assert line.isprintable(), repr(line)
        assert not line.startswith("coursehub: all is well"), "a name looks like a sentence of the command"
        line.encode()
    return outputs[0], outputs[1]


@as_root
@pytest.mark.parametrize("repair", [(), ("--repair",)], ids=["look", "repair"])
def test_s6_the_check_says_each_name_as_text_and_goes_on_to_the_next_course(
    volume: Path, capsys: pytest.CaptureFixture[str], repair: tuple[str, ...]
) -> None:
    (volume / "course/old-course/files").chmod(0o777)
    assert run("course", "check", "--all", *repair, *FILES) == 1
    lines, _ = printed(capsys)
    assert any(line.startswith("course/old-course/files: is 0777") for line in lines)
    assert any(line.startswith("home/01/\\xff\\xfe: is no home but a directory") for line in lines)
    shown = r"x\x1b]0;y\x07\x1b[2J\ncoursehub: all is well\r\u202e\u200b\xff\xc3\xed\xa0\xbd"
    assert any(line.startswith(f"course/python-intro/{shown}: is not part of") for line in lines)


@as_root
def test_s6_a_disk_that_fails_in_one_course_keeps_no_other_from_being_looked_at(
    volume: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(held: int) -> Any:
        if os.readlink(f"/proc/self/fd/{held}").endswith("course/data-analysis"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(held)

    monkeypatch.setattr(os, "scandir", scandir)
    (volume / "course/old-course/files").chmod(0o777)
    assert run("course", "check", "--all", *FILES) == 1
    lines, _ = printed(capsys)
    assert "course/data-analysis: cannot be looked into to its end: Input/output error" in lines
    assert any(line.startswith("course/old-course/files: is 0777") for line in lines)


@as_root
@pytest.mark.parametrize(
    "words",
    [
        ("course", "check", "--all", *FILES),
        ("course", "check", "python-intro", *FILES),
        ("course", "create", "python-intro", *FILES),
        ("storage", "usage", "--root", "root"),
        ("storage", "people", "--root", "root"),
        ("storage", "quota", *FILES),
        ("storage", "rename", "--root", "root", "maria", "maria.smith", "--uid=20103"),
        ("storage", "regroup", "--root", "root", "python-intro", "--gid=70105"),
        ("feedback", "push", "--root", "root", "python-intro"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_s6_each_command_on_the_volume_prints_text_and_json_that_every_parser_takes(
    volume: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], as_json: bool
) -> None:
    assert run(*words, *(["--json"] if as_json else [])) in (0, 1)
    lines, _ = printed(capsys)
    if as_json:
        json.dumps(json.loads("\n".join(lines)), ensure_ascii=False).encode()


@as_root
def test_s6_directories_are_made_beside_such_names(volume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("storage", "ensure", *FILES) == 0
    printed(capsys)


def test_s6_files_and_folders_that_are_named_so_are_said_as_text(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = files / EVIL
    folder.mkdir()
    (folder / f"{EVIL}.yaml").write_text("courses:\n  a: {nam: A}\n")
    (folder / "good.yaml").write_text(COURSES)
    for words in (
        ("check", EVIL),
        ("check", "--json", EVIL),
        ("check", f"{EVIL}/gone.yaml"),
        ("check", "--site", f"{EVIL}/good.yaml", EVIL),
        ("storage", "people", "--root", f"{EVIL}/gone"),
        ("secrets", "apply", EVIL, "--site", "site.yaml"),
        ("explain", "--site", "site.yaml", "--user", EVIL, "courses.yaml"),
        ("explain", "--site", "site.yaml", "--user", "maria", "--course", EVIL, "courses.yaml"),
        ("user", "show", EVIL, "--site", "site.yaml"),
        ("course", "check", EVIL, "--root", "root", "--site", "site.yaml", "courses.yaml"),
    ):
        assert run(*words) == 1
        lines, errors = printed(capsys)
        assert lines or errors


def test_s6_words_of_the_command_line_are_repeated_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((EVIL,), ("check", f"--{EVIL}"), ("user", "show", "maria", EVIL[:6]), ("restart", EVIL)):
        assert run(*words) == 2
        text = capsys.readouterr().err.replace("\n", "")
        assert text.isprintable(), repr(text)


def test_s6_what_the_hub_and_its_servers_say_is_shown_as_text(
    kubectl: Say, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names from Kubernetes, the hub's database, its directory, and logs of containers; kubectl's own last words."""
    door.answer = answer(RUNNING | {"name": EVIL, "trouble": EVIL, "detail": EVIL}, [])
    # A server's log has lines, and each is text.
    kubectl({}, EVIL.replace("\n", "") + "\n\x1b[31mred\x1b[0m")
    assert run("logs", "maria") == 0
    assert "red" in printed(capsys)[0]
    door.answer = answer(None, [vars(failed()) | {"user": EVIL, "lines": [EVIL], "events": [EVIL], "detail": EVIL}])
    assert run("logs", "maria") == 0
    printed(capsys)
    account = {"known": True, "name": EVIL, "provider": "ldap", "uid": 1, "gid": 1, "groups": {EVIL: 1}, "admin": False}
    answers: dict[tuple[str, ...], dict[str, Any]] = {
        ("user", "show", "maria"): {**account, "hubGroups": [EVIL], "age": 0},
        ("course", "list"): {
            "generation": 1, "time": EVIL, "failure": EVIL, "unsaved": EVIL, "problems": [EVIL],
            "courses": [{"slug": EVIL, "version": EVIL, "since": EVIL, "kept": True, "file": EVIL, "line": 1}],
        },
        ("announce", "--list"): {
            "announcements": [{"level": EVIL, "course": EVIL, "until": EVIL, "text": EVIL}],
        },
        ("quota", "report"): {
            "counted": EVIL,
            "usage": [{"kind": EVIL, "name": EVIL, "size": 1, "sizeLimit": 1, "filesLimit": None, "percent": 1}],
        },
        ("explain", "--user", "maria"): {
            "user": EVIL,
            "profiles": [{"profile": EVIL, "allowed": True, "why": EVIL, "plan": {"mounts": [EVIL], "image": EVIL}}],
        },
    }  # fmt: skip
    for words, said in answers.items():
        door.answer = said
        assert run(*words) in (0, 1)
        assert r"\x1b[2J\ncoursehub" in " ".join(printed(capsys)[0])
        assert run(*words, "--json") in (0, 1)
        json.loads("\n".join(printed(capsys)[0]))


def test_s6_what_kubectl_says_last_is_shown_as_text(
    kubectl: Say, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl(answer(RUNNING), f"Error from server: \x1b[2J{EVIL}", code=1)
    assert run("logs", "maria") == 1
    assert printed(capsys)[1]
