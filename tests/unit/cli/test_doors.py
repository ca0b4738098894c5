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
from coursehub.ids import GidRange
from coursehub.storage import service

from tests.unit.cli.command import run, wrong_usage

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away"),
    pytest.mark.usefixtures("files"),
]


def ask(*options: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of the door, given a line on standard input."""
    line = options or (*(f"--verb={verb}" for verb in VERBS), "--gids=70100-79999")
    words = ("storage", "door", "--root", "root", "--minimum-uid", "20000", "--site", "site.yaml", *line)
    done = CliRunner().invoke(program, words, input=json.dumps(request) + "\n", standalone_mode=False)
    reply: dict[str, Any] = json.loads(done.stdout)
    return done.return_value, reply


VERBS = ("home", "course", "check", "people", "usage", "quota")
MARIA = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}
COURSE = {"verb": "course", "slug": "another", "gid": 70105, "data": "none"}


def test_the_door_makes_a_home_for_whom_the_directory_knows(root: Path) -> None:
    code, answer = ask(**MARIA)
    assert code == 0
    assert "home/01/maria" in [change["path"] for change in answer["changes"]]
    assert ask(**MARIA) == (0, {"changes": []})


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        pytest.param({"uid": 20002}, "maria is 20001:20001 here, not 20002:20001", id="I5 another's uid"),
        pytest.param({"gid": 20002}, "maria is 20001:20001 here, not 20001:20002", id="another's gid"),
        pytest.param({"gid": 70101}, "primary group 70101 is kept for courses", id="a course's gid"),
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


@pytest.mark.parametrize(
    ("line", "request_", "sentence"),
    [
        ((), MARIA, "this key may be asked for nothing, not for home; its line in authorized_keys says so"),
        (("--verb=home",), COURSE, "for home, not for course; its line in authorized_keys says so"),
        (("--verb=home",), {"verb": "people"}, "for home, not for people"),
        (("--verb=course",), COURSE, "no course: its line in authorized_keys has no --gids, their range of gids"),
        (
            ("--verb=course", "--gids=70100-79999"),
            COURSE | {"gid": 20001},
            "courses with gids 70100-79999, not 20001; its line in authorized_keys says so",
        ),
        (("--verb=course", "--gids=70105-70105"), COURSE | {"gid": 70106}, "gids 70105-70105, not 70106"),
    ],
)
def test_f15_a_key_does_what_its_line_has_and_says_so_of_all_else(
    root: Path, line: tuple[str, ...], request_: dict[str, Any], sentence: str
) -> None:
    code, answer = ask(*(line or ("--dry-run",)), **request_)
    assert code == 1
    assert sentence in answer["refusal"]
    assert not list(root.iterdir())


def test_what_a_keys_line_has_is_done(root: Path) -> None:
    assert ask("--verb=course", "--gids=70105-70105", **COURSE)[0] == 0
    assert (root / "course/another/files").stat().st_gid == 70105


def test_f15_the_door_gives_a_course_to_no_other_gid_of_its_range(made: Path) -> None:
    for verb in ("course", "check"):
        code, answer = ask(verb=verb, slug="python-intro", gid=70105, data="read-only")
        assert "belong to group 70101, not to 70105" in json.dumps(answer)
        assert code == (1 if verb == "course" else 0)
    assert (made / "course/python-intro/files").stat().st_gid == 70101


@pytest.mark.parametrize("gids", ["70100", "70100:79999", "79999-70100", "0-79999", "\N{SUPERSCRIPT TWO}-3", "70100-"])
@pytest.mark.parametrize("verb", ["door", "serve"])
def test_a_range_that_is_none_is_told(verb: str, gids: str) -> None:
    rest = {"door": ("--minimum-uid=20000",), "serve": ("--token=token", "--plain")}[verb]
    error = wrong_usage("storage", verb, "--root=root", *rest, f"--gids={gids}")
    assert error
    assert "is no range of gids from 1000 on; write the site's courseGids: 70100-79999" in error.format_message()


@pytest.fixture
def token(files: None) -> Path:
    """What the hub has, too."""
    Path("token").write_text("secret\n")
    return Path("token")


SERVE = ("storage", "serve", "--root", "root", "--token", "token")


@pytest.mark.usefixtures("token")
def test_the_service_is_started_with_what_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Any] = []

    def serve(*arguments: Any, **options: Any) -> int:
        started.append((arguments, options))
        return 0

    monkeypatch.setattr(service, "serve", serve)
    assert run(*SERVE, "--host", "localhost") == 0
    assert run(*SERVE, "--certificate=a.crt", "--key=a.key", "--port", "8443", "--timeout", "2.5") == 0
    assert "without --gids no course gets directories" in capsys.readouterr().err
    assert run(*SERVE, "--plain", "--gids=70100-79999", "--minimum-uid=20000") == 0
    assert run(*SERVE, "--plain", "--look") == 0
    assert not capsys.readouterr().err
    where = (Path("root"), Path("token"))
    nothing = {"gids": None, "minimum_uid": 1000, "only_looks": False}
    site = {"gids": GidRange(minimum=70100, maximum=79999), "minimum_uid": 20000, "only_looks": False}
    assert started == [
        (where, {"host": "localhost", "port": 8080, "timeout": 10.0, "tls": None, **nothing}),
        (where, {"host": None, "port": 8443, "timeout": 2.5, "tls": (Path("a.crt"), Path("a.key")), **nothing}),
        (where, {"host": None, "port": 8080, "timeout": 10.0, "tls": None, **site}),
        (where, {"host": None, "port": 8080, "timeout": 10.0, "tls": None, **nothing, "only_looks": True}),
    ]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), ("\n", "it is empty")], ids=["missing", "empty"]
)
def test_a_service_without_a_token_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None, why: str
) -> None:
    Path("token").unlink()
    if content is not None:
        Path("token").write_text(content)
    monkeypatch.setattr(service, "serve", lambda *_, **__: pytest.fail("it began"))
    assert run(*SERVE, "--plain") == 1
    assert f"token: {why}; make one: openssl rand -hex 32 > token" in capsys.readouterr().err


@pytest.mark.usefixtures("token")
def test_without_aiohttp_the_service_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "coursehub.storage.service")
    monkeypatch.delattr(storage, "service")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert run(*SERVE, "--plain") == 1
    assert (
        capsys.readouterr().err
        == "coursehub: the service needs aiohttp; install coursehub with its extra 'service' (docs/admins/command.md)\n"
    )
