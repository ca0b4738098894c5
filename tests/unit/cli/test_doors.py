"""`coursehub storage door` and `serve`: what others ask of the volume."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from coursehub import storage
from coursehub.cli.main import program
from coursehub.storage import service

from tests.unit.cli.command import run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away"),
    pytest.mark.usefixtures("files"),
]


def ask(*options: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of the door, given a line on standard input."""
    words = ("storage", "door", "--root", "root", "--minimum-uid", "20000", "--site", "site.yaml", *options)
    done = CliRunner().invoke(program, words, input=json.dumps(request) + "\n", standalone_mode=False)
    reply: dict[str, Any] = json.loads(done.stdout)
    return done.return_value, reply


MARIA = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}


def test_the_door_makes_a_home_for_whom_the_directory_knows(root: Path) -> None:
    code, answer = ask(**MARIA)
    assert code == 0
    assert "home/01/maria" in [change["path"] for change in answer["changes"]]
    assert ask(**MARIA) == (0, {"changes": []})


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        pytest.param({"uid": 20002}, "maria is 20001:20001 here, not 20002:20001", id="I5 another's uid"),
        pytest.param({"gid": 70101}, "maria is 20001:20001 here, not 20001:70101", id="a course's gid"),
        pytest.param({"name": "mallory"}, "is not known in the university's directory", id="somebody unknown"),
        pytest.param({"name": "daemon", "uid": 999}, "below 20000", id="I1 a system account"),
    ],
)
def test_the_door_refuses_whom_the_directory_knows_otherwise(
    root: Path, message: dict[str, Any], sentence: str
) -> None:
    code, answer = ask(**{**MARIA, **message})
    assert code == 1
    assert sentence in answer["refusal"]
    assert not list(root.iterdir())


def test_the_door_checks_and_repairs_a_course_and_says_what_is_used(made: Path) -> None:
    (made / "course/python-intro/files").chmod(0o770)
    asked = {"verb": "check", "slug": "python-intro", "gid": 70101, "data": "read-only"}
    assert [finding["done"] for finding in ask(**asked)[1]["findings"]] == [False]
    assert [finding["done"] for finding in ask(**asked, repair=True)[1]["findings"]] == [True]
    assert ask(**asked)[1] == {"findings": []}
    assert {use["path"] for use in ask(verb="usage")[1]["usage"]} >= {"home/01/maria", "course/python-intro"}


def test_a_door_of_a_volume_without_quotas_says_so(made: Path) -> None:
    code, answer = ask(verb="quota", home="maria", size=2**30)
    assert code == 1
    assert answer["refusal"].startswith("quotas are unsupported here")


SERVE = ("storage", "serve", "--root", "root", "--token", "token")


def test_the_service_is_started_with_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def serve(*arguments: Any, **options: Any) -> int:
        started.append((arguments, options))
        return 0

    monkeypatch.setattr(service, "serve", serve)
    assert run(*SERVE, "--host", "localhost") == 0
    assert run(*SERVE, "--certificate=a.crt", "--key=a.key", "--port", "8443", "--timeout", "2.5") == 0
    assert run(*SERVE, "--plain") == 0
    where = (Path("root"), Path("token"))
    assert started == [
        (where, {"host": "localhost", "port": 8080, "timeout": 10.0, "tls": None}),
        (where, {"host": None, "port": 8443, "timeout": 2.5, "tls": (Path("a.crt"), Path("a.key"))}),
        (where, {"host": None, "port": 8080, "timeout": 10.0, "tls": None}),
    ]


def test_without_aiohttp_the_service_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "coursehub.storage.service")
    monkeypatch.delattr(storage, "service")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert run(*SERVE, "--plain") == 1
    assert (
        capsys.readouterr().err
        == "coursehub: the service needs aiohttp; install it: pip install 'coursehub[service]'\n"
    )
