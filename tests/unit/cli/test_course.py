"""`coursehub course create|check|archive`, on a real tree."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from coursehub import layout

from tests.server import ROOT
from tests.support import COURSES, SITE
from tests.unit.cli.command import FILES, run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away"),
    pytest.mark.usefixtures("files"),
]


def unlist(root: Path, slug: str, name: str) -> None:
    """Takes somebody out of the list of a course's people."""
    listed = root / layout.people_list(slug)
    text = "".join(line for line in listed.read_text().splitlines(keepends=True) if not line.startswith(f"{name}:"))
    listed.write_text(text)


def more_homes(root: Path, *homes: tuple[str, int]) -> None:
    """Homes of these owners."""
    for path, uid in homes:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).parent.chmod(0o755)
        (root / path).mkdir(mode=0o700)
        os.chown(root / path, uid, uid)


def somebody_elses(root: Path) -> None:
    """Maria's home belongs to another uid, and her course's list does not have her any more."""
    os.chown(root / "home/01/maria", 20202, 20202)
    unlist(root, "data-analysis", "maria")


def test_a_course_is_made_and_what_is_left_to_do_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("course", "create", "python-intro", *FILES) == 0
    output = capsys.readouterr().out.splitlines()
    assert "make exchange/python-intro/inbound 3773 0:70101" in output
    assert output[-1] == "still to do: let the hub have the course file: helm upgrade"
    assert any("no group has the gid 70101 on this host" in line for line in output)
    assert not (root / "course/data-analysis").exists()
    assert run("course", "create", *FILES[:4], "python-intro", "courses.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


@pytest.mark.parametrize("verb", ["create", "archive", "check"])
@pytest.mark.parametrize(
    ("slug", "sentence"),
    [("nothing", "no course file has a course 'nothing'"), ("statistics-lab", "has no gid, so it has no directories")],
)
def test_a_course_without_directories_is_refused(
    capsys: pytest.CaptureFixture[str], verb: str, slug: str, sentence: str
) -> None:
    assert run("course", verb, slug, *FILES) == 1
    assert sentence in capsys.readouterr().err


def test_a_course_is_closed_once_its_file_says_that_it_is_archived(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("course", "archive", "python-intro", *FILES) == 1
    assert (
        "is not archived in its file, so the next run would open it again; write `archive: " in capsys.readouterr().err
    )
    (made / "course/old-course/files").chmod(0o2770)
    assert run("course", "archive", "old-course", *FILES, "--dry-run") == 0
    assert (made / "course/old-course/files").stat().st_mode & 0o7777 == 0o2770
    assert run("course", "archive", "old-course", *FILES) == 0
    assert (made / "course/old-course/files").stat().st_mode & 0o7777 == 0o2750


CLOSED = ("archive: 2026-06-30", "archive: 2099-06-30")


def modes(root: Path, *paths: str) -> list[str]:
    return [f"{(root / path).lstat().st_mode & 0o7777:04o}" for path in paths]


@pytest.fixture
def used(made: Path, tmp_path: Path) -> Path:
    """The volume, where old-course is still open and has been used by an instructor and a student."""
    (tmp_path / "courses.yaml").write_text(COURSES.replace(*CLOSED))
    assert run("course", "create", "old-course", *FILES) == 0
    for path, mode, owner in (
        ("course/old-course/files/source", 0o2770, 30001),
        ("course/old-course/files/source/ps1", 0o2770, 30001),
        ("course/old-course/files/source/ps1/ps1.ipynb", 0o660, 30001),
        ("course/old-course/files/read-only.txt", 0o440, 30001),
        ("course/old-course/data/table.csv", 0o664, 30001),
        ("exchange/old-course/outbound/ps1", 0o2775, 30001),
        ("exchange/old-course/inbound/maria+ps1", 0o777, 20001),
        ("exchange/old-course/inbound/maria+ps1/ps1.ipynb", 0o664, 20001),
    ):
        (made / path).write_text("") if "." in path else (made / path).mkdir()
        os.chown(made / path, owner, 70103)
        (made / path).chmod(mode)
    assert run("course", "create", "old-course", *FILES) == 0, "who handed in is listed"
    assert run("course", "check", "old-course", *FILES) == 0
    return made


BELOW = (
    "course/old-course/files/source/ps1",
    "course/old-course/files/source/ps1/ps1.ipynb",
    "course/old-course/files/read-only.txt",
    "course/old-course/data/table.csv",
    "exchange/old-course/outbound/ps1",
    "exchange/old-course/inbound/maria+ps1/ps1.ipynb",
)


def test_f9_what_is_in_an_archived_course_is_its_owners_alone_to_write_until_the_course_opens_again(
    used: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = modes(used, *BELOW)
    (tmp_path / "courses.yaml").write_text(COURSES)
    capsys.readouterr()
    archive = ("course", "archive", "old-course", *FILES)
    message = [
        "close 1 files and directories below course/old-course/data",
        "close 3 files and directories below course/old-course/files",
        "close 1 files and directories below exchange/old-course/outbound",
        "close 2 files and directories below exchange/old-course/inbound",
    ]
    assert run(*archive, "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[-4:] == message
    assert modes(used, *BELOW) == before
    assert run(*archive) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == message
    writable = [path for path in used.glob("*/old-course/**/*") if path.lstat().st_mode & 0o022]
    assert writable == []
    assert run(*archive) == 0
    assert capsys.readouterr().out == ""
    assert run("course", "check", "old-course", *FILES) == 0
    (tmp_path / "courses.yaml").write_text(COURSES.replace(*CLOSED))
    assert run("course", "create", "old-course", *FILES) == 0
    assert modes(used, *BELOW) == before
    assert run("course", "check", "old-course", *FILES) == 0
    assert modes(used, "exchange/old-course/inbound/maria+ps1") == ["0775"], "others get no right back"


def test_ensure_closes_and_opens_a_course_whose_date_has_changed(
    used: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = modes(used, *BELOW)
    for text, done in ((COURSES, "close 3"), (COURSES.replace(*CLOSED), "open 3")):
        (tmp_path / "courses.yaml").write_text(text)
        capsys.readouterr()
        assert run("storage", "ensure", *FILES) == 0
        assert f"{done} files and directories below course/old-course/files" in capsys.readouterr().out.splitlines()
    assert modes(used, *BELOW) == before


def test_what_can_still_be_written_in_an_archived_course_is_found_and_closed(
    used: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ("course", "check", "old-course", *FILES)
    (tmp_path / "courses.yaml").write_text(COURSES)
    assert run(*check, "--repair") == 0
    capsys.readouterr()
    (used / BELOW[1]).chmod(0o666)
    assert run(*check) == 1
    what = f"{BELOW[1]}: can be written by others than its owner, and the course is archived"
    assert capsys.readouterr().out.splitlines() == [what]
    assert run(*check, "--repair") == 0
    assert modes(used, BELOW[1]) == ["1644"]
    (tmp_path / "courses.yaml").write_text(COURSES.replace(*CLOSED))
    assert run("course", "check", "old-course", *FILES) == 1
    assert f"{BELOW[1]}: is closed as in an archived course, and the course is open" in capsys.readouterr().out


def test_f2_closing_follows_no_link_and_leaves_second_names_alone(
    used: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret, elsewhere = used / "home/01/maria/secret", tmp_path / "elsewhere"
    for path in (secret, elsewhere):
        path.write_text("")
        path.chmod(0o666)
    os.link(secret, used / "course/old-course/files/mine")
    (used / "course/old-course/files/link").symlink_to(elsewhere)
    (tmp_path / "courses.yaml").write_text(COURSES)
    assert run("course", "archive", "old-course", *FILES) == 0
    message = "close 3 files and directories below course/old-course/files; 1 stay as they are"
    assert message in capsys.readouterr().out
    assert [path.stat().st_mode & 0o777 for path in (secret, elsewhere)] == [0o666, 0o666]
    assert run("course", "check", "old-course", *FILES) == 1
    assert "course/old-course/files/mine: can be written by others" in capsys.readouterr().out


def test_with_the_capabilities_of_its_pod_a_repair_keeps_setgid(used: Path, tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(COURSES)
    plain = used / "course/python-intro/files/plain"
    plain.mkdir()
    os.chown(plain, 30001, 70101)
    plain.chmod(0o770)
    allowed = "-all,+chown,+dac_override,+fowner"
    prefix = ("setpriv", f"--bounding-set={allowed}", f"--inh-caps={allowed}", "--clear-groups", "--no-new-privs")
    check = ("-m", "coursehub.cli", "course", "check", "--all", "--repair")
    command = (*prefix, sys.executable, "-P", "-B", *check, *FILES)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "hooks")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "course/python-intro/files/plain: is not setgid" in done.stdout
    assert modes(used, "course/python-intro/files/plain", BELOW[0]) == ["2770", "3750"]
    assert (used / BELOW[0]).stat().st_gid == 70103


@contextmanager
def squashed(folder: Path) -> Iterator[None]:
    """Root is nobody, as over an export with root_squash."""
    folder.chmod(0o755)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_what_root_squash_hides_is_said_and_is_no_finding(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "course/python-intro/files/pipe").touch()
    check = ("course", "check", "--all", *FILES)
    with squashed(tmp_path):
        assert run(*check) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("coursehub: course/python-intro/files/gradebook.db, ")
    assert "may not be looked at from here (root_squash, or you are not root)" in output.err
    (made / "home/01/maria").chmod(0o755)
    (made / "exchange/python-intro/inbound").chmod(0o2777)
    with squashed(tmp_path):
        assert run(*check) == 1
        assert len(capsys.readouterr().out.splitlines()) == 2, "homes and each course's directories can be looked at"
        assert run(*check, "--repair") == 1
    assert "could not be repaired" in capsys.readouterr().out


def test_a_tree_that_is_as_it_should_be_has_no_findings(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("course", "check", "--all", *FILES) == 0
    assert not capsys.readouterr().out


# What is done to the volume, what is said of it, and whether a repair is enough.
BENT: list[Any] = [
    pytest.param(
        lambda root: (root / "course/python-intro/files").chmod(0o770),
        "course/python-intro/files: is 0770 0:70101, has to be 2770 0:70101",
        True,
        id="F9 setgid",
    ),
    pytest.param(
        lambda root: os.chown(root / "course/python-intro", 30001, 30001),
        "course/python-intro: is 0755 30001:30001, has to be 0755 0:0",
        True,
        id="F2 a parent's owner",
    ),
    pytest.param(
        lambda root: (root / "exchange/python-intro/inbound").chmod(0o2777),
        "exchange/python-intro/inbound: is 2777 0:70101, has to be 3773 0:70101",
        True,
        id="F5 an exchange that everybody lists",
    ),
    pytest.param(
        lambda root: (root / "exchange/python-intro/feedback").rmdir(),
        "exchange/python-intro/feedback: is missing; has to be 2771 0:70101",
        True,
        id="missing",
    ),
    pytest.param(
        lambda root: (root / "course/python-intro/backup").mkdir(),
        "course/python-intro/backup: is not part of a course's tree; move it to where it belongs",
        False,
        id="extra in a course",
    ),
    pytest.param(
        lambda root: (root / "exchange/old").mkdir(),
        "exchange/old: belongs to no course of the files; archive or move it, or add its course",
        False,
        id="extra exchange",
    ),
    pytest.param(
        lambda root: ((root / "course/python-intro/data").rmdir(), (root / "course/python-intro/data").symlink_to("/")),
        "course/python-intro/data: is in the way: a symbolic link; a directory must be there",
        False,
        id="F2 a link",
    ),
    pytest.param(
        somebody_elses,
        "home/01/maria: the home home/01/maria belongs to uid 20202, not to 20001: nothing was changed; if maria has "
        "another uid now, an administrator runs `coursehub storage rename maria maria --uid 20001` on the storage host",
        False,
        id="I5 another's home",
    ),
    pytest.param(
        lambda root: (root / "home/01/maria").chmod(0o755),
        "home/01/maria: is 0755 20001:20001, has to be 0700 20001:20001",
        True,
        id="F10 an open home",
    ),
    pytest.param(
        lambda root: (root / "home/maria").mkdir(),
        "home/maria: is no folder of homes; those are home/00 to home/99",
        False,
        id="a home in another tree's place",
    ),
    pytest.param(
        lambda root: ((root / "home/07/maria").mkdir(parents=True), (root / "home/07").chmod(0o755)),
        "home/07/maria: is not where its owner's home would be, or is nobody's",
        False,
        id="a second home",
    ),
    pytest.param(
        lambda root: more_homes(root, ("home/01/emma", 20001)),
        "home/01/maria: uid 20001 has the home home/01/emma: nothing was changed; if emma is called maria now, an "
        "administrator runs `coursehub storage rename emma maria` on the storage host",
        False,
        id="I8 two names with the uid of one whom the site lists",
    ),
    pytest.param(
        lambda root: more_homes(root, ("home/07/emma", 20007), ("home/07/old", 20007)),
        "home/07/emma: is one of 2 homes of uid 20007: home/07/emma, home/07/old; nobody of them starts a server until "
        "one is left: `coursehub storage rename`, or move the others out of home/",
        False,
        id="I8 two names with one uid",
    ),
    pytest.param(
        lambda root: more_homes(root, ("home/07/emma", 20007), ("home/08/emma", 20008)),
        "home/07/emma: is one of 2 homes of emma: home/07/emma, home/08/emma; nobody of them starts a server until "
        "one is left: `coursehub storage rename`, or move the others out of home/",
        False,
        id="I8 two uids with one name",
    ),
    pytest.param(
        lambda root: root.chmod(0o777),
        ".: is 0777 0:0; give the volume's root to root, and let nobody else write in it",
        False,
        id="F2 an open root",
    ),
    pytest.param(
        lambda root: unlist(root, "data-analysis", "maria"),
        "course/data-analysis/people/passwd: does not list just the people of the course, 2 people",
        True,
        id="somebody who is not listed",
    ),
]


@pytest.mark.parametrize(("bend", "finding", "repaired"), BENT)
def test_what_is_wrong_is_said_repaired_where_that_is_safe_and_nothing_is_removed(
    made: Path, capsys: pytest.CaptureFixture[str], bend: Any, finding: str, repaired: bool
) -> None:
    bend(made)
    names = {path.relative_to(made) for path in made.rglob("*")}
    assert run("course", "check", "--all", *FILES) == 1
    assert capsys.readouterr().out.splitlines() == [finding]
    assert run("course", "check", "--all", "--repair", "--dry-run", *FILES) == 1
    assert capsys.readouterr().out.splitlines() == [finding]
    assert run("course", "check", "--all", "--repair", *FILES) == (0 if repaired else 1)
    assert capsys.readouterr().out.splitlines() == [f"{finding} (repaired)" if repaired else finding]
    assert run("course", "check", "--all", *FILES) == (0 if repaired else 1)
    assert names <= {path.relative_to(made) for path in made.rglob("*")}


def test_f9_what_is_in_a_course_gets_the_courses_group_back(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = made / "course/python-intro/files"
    (files / "source/ps1").mkdir(parents=True)
    (files / "source/ps1/ps1.ipynb").write_text("{}")
    (files / "link").symlink_to("/etc/passwd")
    os.chown(files / "link", 30001, 30001, follow_symlinks=False)
    for path in (files / "source", files / "source/ps1", files / "source/ps1/ps1.ipynb"):
        os.chown(path, 30001, 30001)
        path.chmod(0o775)
    check = ("course", "check", "python-intro", *FILES)
    assert run(*check) == 1
    assert set(capsys.readouterr().out.splitlines()) == {
        *(
            f"course/python-intro/files/{path}: has group 30001, not the course's 70101"
            for path in ("source", "source/ps1", "source/ps1/ps1.ipynb", "link")
        ),
        *(
            f"course/python-intro/files/{path}: is not setgid, so new files get another group"
            for path in ("source", "source/ps1")
        ),
    }
    before = os.stat("/etc/passwd").st_gid
    assert run(*check, "--repair") == 0
    assert run(*check) == 0
    assert os.stat("/etc/passwd").st_gid == before
    assert (files / "source/ps1/ps1.ipynb").stat().st_uid == 30001, "its owner stays"


@pytest.mark.parametrize("course", ["python-intro", "old-course"])
def test_g6_what_an_instructor_closed_to_colleagues_is_said_and_opened(
    made: Path, course: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = made / layout.course_files(course)
    given = {"moved": 0o2700, "moved/a.ipynb": 0o600, "moved/grade.sh": 0o700, "copied.ipynb": 0o644, "kept": 0o400}
    (files / "moved").mkdir()
    for name, mode in given.items():
        if name != "moved":
            (files / name).write_text("")
        os.chown(files / name, 30001, (files).stat().st_gid)
        (files / name).chmod(mode)
    check = ("course", "check", course, *FILES)
    assert run(*check) == 1
    said = capsys.readouterr().out.splitlines()
    archived = course == "old-course"
    closed = set(given) - ({"copied.ipynb"} if archived else set())
    closed_to = "is closed to others who teach the course"
    assert {line for line in said if closed_to in line} == {
        f"{layout.course_files(course)}/{each}: {closed_to}" for each in closed
    }
    assert run(*check, "--repair") == 0
    assert run(*check) == 0
    found = {name: (files / name).stat().st_mode & 0o7777 for name in given}
    assert found == (
        {"moved": 0o2750, "moved/a.ipynb": 0o640, "moved/grade.sh": 0o750, "copied.ipynb": 0o644, "kept": 0o440}
        if archived
        else {"moved": 0o2770, "moved/a.ipynb": 0o660, "moved/grade.sh": 0o770, "copied.ipynb": 0o664, "kept": 0o440}
    )


def test_f15_no_repair_gives_a_course_to_another_gid(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = made / "course/python-intro/files/hidden.ipynb"
    hidden.write_text("")
    os.chown(hidden, 30001, 70101)
    before = {path: path.lstat().st_gid for path in made.rglob("*")}
    (tmp_path / "courses.yaml").write_text(COURSES.replace("gid: 70101", "gid: 70105"))
    said = "the directories of course 'python-intro' belong to group 70101, not to 70105"
    for words in (["check", "python-intro"], ["check", "python-intro", "--repair"], ["check", "--all", "--repair"]):
        assert run("course", *words, *FILES) == 1
        (finding,) = capsys.readouterr().out.splitlines()
        assert finding.startswith(f"course/python-intro/files: {said}")
    for verb in ("create", "archive"):
        archived = COURSES.replace("gid: 70101", "gid: 70105\n    archive: 2026-01-01")
        (tmp_path / "courses.yaml").write_text(archived)
        assert run("course", verb, "python-intro", *FILES) == 1
        assert said in capsys.readouterr().err
    assert {path: path.lstat().st_gid for path in before} == before


def test_i8_a_repair_makes_no_second_home(made: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE.replace("maria: {uid: 20001", "maria: {uid: 20005"))
    assert run("course", "check", "--all", "--repair", *FILES) == 1
    assert not (made / "home/05").exists() or not list((made / "home/05").iterdir())


def test_f2_a_second_name_of_a_file_elsewhere_is_told_and_stays_as_it_is(made: Path) -> None:
    secret = made / "home/01/maria/secret"
    secret.write_text("")
    os.chown(secret, 20001, 20001)
    secret.chmod(0o640)
    os.link(secret, made / "course/python-intro/files/mine")
    assert run("course", "check", "python-intro", "--repair", *FILES) == 1
    assert secret.stat().st_gid == 20001


def test_f8_a_set_uid_program_in_a_course_is_told_and_made_an_ordinary_file(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = made / "course/python-intro/files/tool"
    tool.write_text("")
    os.chown(tool, 30001, 70101)
    tool.chmod(0o4755)
    assert run("course", "check", "python-intro", "--repair", *FILES) == 0
    assert "is a set-uid or set-gid program (repaired)" in capsys.readouterr().out
    assert not tool.stat().st_mode & 0o6000


def test_a_submission_as_nbgrader_leaves_it_is_fine(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made / "exchange/python-intro/inbound/maria+one+2026-10-01 12:00:00.000000 UTC+x"
    folder.mkdir()
    for name, gid in (("a.ipynb", 70101), ("timestamp.txt", 20001)):
        (folder / name).write_text("")
        os.chown(folder / name, 20001, gid)
    os.chown(folder, 20001, 70101)
    folder.chmod(0o770)
    listing = "course/python-intro/people/passwd: does not list just the people of the course, 2 people"
    assert run("course", "check", "--all", *FILES) == 1
    assert capsys.readouterr().out.splitlines() == [listing], "collect would not know who that is"
    assert run("course", "check", "--all", "--repair", *FILES) == 0
    assert capsys.readouterr().out.splitlines() == [f"{listing} (repaired)"]
    assert run("course", "check", "--all", *FILES) == 0
    assert capsys.readouterr().out == ""
    os.chown(folder, 20001, 20001)
    assert run("course", "check", "--all", *FILES) == 1
    assert "has group 20001, not the course's 70101" in capsys.readouterr().out


def test_f7_of_what_is_wrong_in_many_places_a_few_are_named_and_the_rest_counted(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbound = made / "exchange/python-intro/inbound"
    for number in range(2000):
        (inbound / str(number)).write_text("")
        os.chown(inbound / str(number), 20001, 20001)
    assert run("course", "create", "python-intro", *FILES) == 0
    capsys.readouterr()
    assert run("course", "check", "python-intro", *FILES) == 1
    output = capsys.readouterr().out.splitlines()
    assert len(output) == 6
    assert output[-1].endswith("has group 20001, not the course's 70101; and 1994 more like it")


def test_f7_directories_nested_without_end_are_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = os.open(made / "exchange/python-intro/inbound", os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert run("course", "check", "python-intro", *FILES) == 1
    assert "is too deep to be looked into" in capsys.readouterr().out


def test_findings_as_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made / "course/python-intro/files").chmod(0o770)
    assert run("course", "check", "python-intro", "--json", *FILES) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "path": "course/python-intro/files",
            "what": "is 0770 0:70101, has to be 2770 0:70101",
            "done": False,
            "seen": True,
        }
    ]


def test_one_teachers_mistake_keeps_nobody_elses_directories_from_being_looked_at(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text("courses:\n  other: {nam: Other}\n")
    (made / "exchange/python-intro/inbound").chmod(0o2777)
    (made / "course/other").mkdir()
    (made / "home/x").mkdir()
    assert run("course", "check", "--all", *FILES, "bad.yaml") == 1
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "exchange/python-intro/inbound: is 2777 0:70101, has to be 3773 0:70101",
        "home/x: is no folder of homes; those are home/00 to home/99",
    ]
    assert "bad.yaml:2:11: course 'other': unknown key 'nam'" in output.err
    assert run("course", "check", "--all", "--repair", *FILES, "bad.yaml") == 1
    assert "has to be 3773 0:70101 (repaired)" in capsys.readouterr().out
