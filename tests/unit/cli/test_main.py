"""The command: what it says, and the exit code that a script sees."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coursehub.cli import main

from tests.support import COURSES, SITE

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
BROKEN = "courses:\n  a: {nam: A}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a site, good courses and broken ones, in which the command runs."""
    for name, text in (("site.yaml", SITE), ("courses.yaml", COURSES), ("broken.yaml", BROKEN)):
        (tmp_path / name).write_text(text)
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    """The exit code of `coursehub arguments`."""
    try:
        return main.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
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
            )
        ),
    ],
)
def test_exit_code_and_what_is_said(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: list[str] | None
) -> None:
    assert run(*arguments) == code
    written = capsys.readouterr()
    if said is not None:
        assert [line for line in written.err.splitlines() if "without --site" not in line or said == [line]] == said
        assert not written.out
    else:
        assert written.err.startswith("usage: coursehub")


def test_mistakes_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", "--site", "site.yaml", "broken.yaml") == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["message"] == "'name' is missing; add it"
    assert second == {
        "file": "broken.yaml",
        "line": 2,
        "column": 7,
        "message": "unknown key 'nam'; did you mean 'name'?",
        "course": "a",
    }


def test_no_mistakes_as_json_are_an_empty_list(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", "--site", "site.yaml", "courses.yaml") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["check"],
        ["explain"],
        ["schema"],
        ["course"],
        ["course", "list"],
        ["images"],
        ["storage"],
        ["storage", "ensure"],
        ["storage", "quota"],
        ["storage", "usage"],
        ["storage", "people"],
        ["storage", "door"],
        ["secrets", "apply"],
        ["course", "create"],
        ["course", "check"],
        ["course", "archive"],
        ["user"],
        ["user", "show"],
        ["status"],
        ["restart"],
        ["shell"],
        ["usage"],
    ],
    ids=lambda words: " ".join(words),
)
def test_each_command_has_a_help_text(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(*arguments, "--help") == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: coursehub")
    if arguments not in ([], ["course"], ["storage"], ["user"]):
        assert "Example: coursehub " in said


def test_the_images_of_the_courses_and_who_needs_them(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("images", "--site", "site.yaml", "courses.yaml") == 0
    assert capsys.readouterr().out == (
        "registry.example/python:1\n"
        "    python: general, python-intro, statistics-lab\n"
        "registry.example/r:1\n"
        "    r: data-analysis\n"
    )
    assert run("images", "--json", "--site", "site.yaml", "courses.yaml") == 0
    assert [each["reference"] for each in json.loads(capsys.readouterr().out)] == [
        "registry.example/python:1",
        "registry.example/r:1",
    ]
    assert run("images", "--site", "site.yaml", "broken.yaml") == 1


EXPLAIN = ("explain", "--site", "site.yaml", "courses.yaml", "--user")


def test_explain_says_of_each_course_whether_and_why(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*EXPLAIN, "maria") == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["data-analysis"] == "yes  maria takes it: listed by name under students; it is open."
    assert said["python-intro--instructor"].startswith("no   You are not an instructor of")
    assert said["old-course"].startswith("no   The course 'Old Course' has been archived since 2026-06-30")
    assert said["general"].startswith("yes")


def test_explain_shows_the_plan_of_one_course_and_role(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*EXPLAIN, "anna", "--course", "python-intro", "--role", "instructor") == 0
    said = capsys.readouterr().out
    assert said.startswith("python-intro--instructor  yes  anna teaches it: listed by name under instructors.\n\n")
    assert "\nuid         30001\n" in said
    assert "/course from share:course/python-intro/files (read and write)" in said
    assert run(*EXPLAIN, "anna", "--course", "python-intro", "--role", "instructor", "--json") == 0
    (profile,) = json.loads(capsys.readouterr().out)["profiles"]
    assert profile["plan"]["limits"] == {"cpu": "2", "memory": "4G"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "The account 'nobody' is not known in the university's directory"),
        (("maria", "--course", "nothing"), "There is no course 'nothing' here."),
        (("jonas", "--course", "data-analysis"), "You are not on the list of 'Data Analysis'."),
    ],
)
def test_explain_says_why_not_and_ends_with_1(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(*EXPLAIN, *arguments) == 1
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "arguments", [("explain", "--user", "maria"), ("course", "list"), ("user", "show", "maria")], ids=" ".join
)
def test_asking_the_running_hub_needs_kubectl_and_says_so(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PATH", str(files))
    assert run(*arguments) == 1
    assert capsys.readouterr().err == ("coursehub: kubectl is not on the PATH; install it\n")


ENSURE = ("storage", "ensure", "--root", "root", "--site", "site.yaml", "courses.yaml")


def test_a_dry_run_of_the_storage_says_all_and_makes_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ENSURE, "--dry-run") == 0
    said = capsys.readouterr().out.splitlines()
    assert "make home/01/maria 0700 20001:20001" in said
    assert "make course/data-analysis/data 3777 0:70102" in said
    assert not any("statistics-lab" in line for line in said), "an image-only course has no directories"
    assert not list((files / "root").iterdir())


@as_root
def test_the_storage_is_made_once_and_then_left_alone(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0o022)
    try:
        assert run(*ENSURE) == 0
        planned = capsys.readouterr().out
        assert run(*ENSURE) == 0
        assert not capsys.readouterr().out
    finally:
        os.umask(before)
    *made, listed = planned.splitlines()
    assert len(made) == sum(1 for _ in (files / "root").rglob("*"))
    assert listed == "correct people/passwd to 6 people"
    assert "maria:x:20001:20001::/home/maria:/usr/sbin/nologin\n" in (files / "root/people/passwd").read_text()
    home = (files / "root/home/01/maria").stat()
    assert (home.st_mode & 0o7777, home.st_uid, home.st_gid) == (0o700, 20001, 20001)
    archived = (files / "root/course/old-course/data").stat()
    assert (archived.st_mode & 0o7777, archived.st_gid) == (0o2755, 70103)


@as_root
def test_a_symbolic_link_in_the_way_is_told_and_not_followed(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "root/home").symlink_to(files)
    assert run(*ENSURE) == 1
    assert capsys.readouterr().err == "coursehub: root/home: is in the way; a directory must be there\n"
    assert not (files / "01").exists()


def test_y23_a_file_in_another_encoding_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "latin.yaml").write_bytes("courses:\n  a: {name: \xe4}\n".encode("latin-1"))
    assert run("check", "--site", "site.yaml", "latin.yaml") == 1
    assert capsys.readouterr().err == "latin.yaml:2:13: not UTF-8 text; save the file as UTF-8\n"


def test_the_command_needs_neither_jupyterhub_nor_kubernetes(files: Path) -> None:
    code = (
        "import sys, coursehub.cli.main; "
        "sys.exit(any(name.startswith(('jupyterhub', 'kube', 'tornado', 'ldap3')) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["local.yaml", "example-university.yaml"])
def test_the_repositorys_own_course_file_holds_no_mistake(name: str) -> None:
    values = Path(__file__).parents[3] / "values"
    assert run("check", "--site", str(values / name), str(values / "courses.yaml")) == 0


ACCOUNT = ("user", "show", "--site", "site.yaml")


def test_an_account_is_shown_as_the_directory_has_it(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ACCOUNT, "peter") == 0
    assert capsys.readouterr().out.splitlines() == [
        "name    peter",
        "uid     30002",
        "gid     30002",
        "groups  data-analysis (70102)",
        "admin   no",
        "source  file, asked now",
    ]


def test_an_account_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ACCOUNT, "--json", "sofia") == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "sofia",
        "provider": "file",
        "known": True,
        "uid": 30003,
        "gid": 30003,
        "groups": {},
        "hubGroups": [],
        "admin": True,
        "age": 0,
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("stranger", "The account 'stranger' is not known in the university's directory", id="I1 unknown"),
        pytest.param("daemon", "The account 'daemon' is a system account (uid 999, below 20000)", id="I1 system"),
        pytest.param("../x", "The account name '../x' cannot have a server here", id="I2"),
        pytest.param("Anna", "The account name 'Anna' cannot have a server here", id="I4"),
    ],
)
def test_an_account_that_gets_no_server_is_told_why(
    files: Path, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    assert run(*ACCOUNT, name) == 1
    assert capsys.readouterr().err.startswith(sentence)
    assert run(*ACCOUNT, "--json", name) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["known"], said["refusal"].startswith(sentence)) == (False, True)


AWAY = "identity: {provider: ldap, timeout: 20, ldap: {servers: ['ldap://127.0.0.1:1'], users: {base: dc=x}}}\n"


def with_provider(files: Path, identity: str) -> None:
    (files / "site.yaml").write_text(SITE[: SITE.index("identity:")] + identity)


def test_what_a_login_said_only_the_running_hub_knows(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_provider(files, "identity: {provider: authState}\n")
    assert run(*ACCOUNT, "anna") == 1
    assert capsys.readouterr().err == (
        "Only the running hub knows what the login said of 'anna'; leave --site and files out.\n"
    )


def test_a_directory_that_is_away_is_told_with_the_reason(files: Path) -> None:
    with_provider(files, AWAY)
    code = "import sys; from coursehub.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *ACCOUNT, "anna"], capture_output=True, text=True, check=False)
    reason, _, sentence = done.stderr.splitlines()
    assert done.returncode == 1
    assert reason.startswith("coursehub: directory: ldap://127.0.0.1:1: ")
    assert "Connection refused" in reason
    assert sentence == "The university's directory does not answer. Please try again in a few minutes."


def test_without_ldap3_the_command_says_what_to_install(files: Path) -> None:
    with_provider(files, AWAY)
    code = "import sys; sys.modules['ldap3'] = None; from coursehub.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *ACCOUNT, "anna"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "install it: pip install 'coursehub[ldap]'" in done.stderr
