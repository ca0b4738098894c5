"""`coursehub storage`, on a real tree."""

import json
import os
from pathlib import Path

import pytest
from coursehub import layout

from tests.support import COURSES, SITE
from tests.unit.cli.command import FILES, run

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

ENSURE = ("storage", "ensure", *FILES)


def test_a_dry_run_of_the_storage_says_all_and_makes_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ENSURE, "--dry-run") == 0
    output = capsys.readouterr().out.splitlines()
    assert "make home/01/maria 0700 20001:20001" in output
    assert "make course/data-analysis/data 3777 0:70102" in output
    assert not any("statistics-lab" in line for line in output), "an image-only course has no directories"
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
    made = [line for line in planned.splitlines() if not line.endswith(" people")]
    assert len(made) == sum(1 for _ in (files / "root").rglob("*"))
    home = (files / "root/home/01/maria").stat()
    assert (home.st_mode & 0o7777, home.st_uid, home.st_gid) == (0o700, 20001, 20001)
    archived = (files / "root/course/old-course/data").stat()
    assert (archived.st_mode & 0o7777, archived.st_gid) == (0o2755, 70103)


@as_root
def test_what_was_made_is_all_that_the_check_looks_for_also_without_a_home_or_a_course_with_directories(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "site.yaml").write_text("images: {python: a/b:1}\ngeneral: {image: python}\n")
    (files / "courses.yaml").write_text("courses: {statistics-lab: {name: Statistics Lab}}\n")
    assert run(*ENSURE) == 0
    capsys.readouterr()
    assert run("course", "check", "--all", *FILES) == 0
    assert capsys.readouterr().out == ""


@as_root
def test_a_symbolic_link_in_the_way_is_told_and_not_followed(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "root/home").symlink_to(files)
    assert run(*ENSURE) == 1
    assert capsys.readouterr().err == "coursehub: root/home: is in the way; a directory must be there\n"
    assert not (files / "01").exists()


@as_root
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_i8_f15_ensure_gives_no_home_and_no_course_to_others_names_them_and_makes_the_rest(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], dry_run: tuple[str, ...]
) -> None:
    before = {path: (path.lstat().st_uid, path.lstat().st_gid) for path in made.rglob("*")}
    people = SITE.replace("maria: {uid: 20001", "maria: {uid: 20101").replace(
        "jonas: {uid: 20002", "jonas: {uid: 20005"
    )
    site = f"{people}      peter2: {{uid: 30002, gid: 30002}}\n      new: {{uid: 20009, gid: 20009}}\n"
    (tmp_path / "site.yaml").write_text(f"{site}      twin: {{uid: 20009, gid: 20009}}\n")
    (tmp_path / "courses.yaml").write_text(COURSES.replace("gid: 70101", "gid: 70105"))
    (made / layout.people_list("python-intro")).write_text("")
    assert run(*ENSURE, *dry_run) == 1
    assert (made / layout.people_list("python-intro")).read_text() == "", "it is another course's list"
    output = capsys.readouterr()
    assert "make home/09/new 0700 20009:20009" in output.out.splitlines()
    for sentence in (
        "home/01/maria belongs to uid 20001, not to 20101",
        "home/02/jonas belongs to uid 20002, not to 20005",
        "uid 30002 has the home home/02/peter",
        "uid 20009 has the home home/09/new",
        "the directories of course 'python-intro' belong to group 70101, not to 70105",
    ):
        assert output.err.count(sentence) == 1
    assert {path: (path.lstat().st_uid, path.lstat().st_gid) for path in before} == before


@as_root
def test_i8_somebody_who_is_asked_for_by_name_is_refused_too(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.rename(made / "home/01/maria", made / "home/01/emma")
    assert run("storage", "ensure", "--user=maria", *FILES) == 1
    assert "coursehub: maria: uid 20001 has the home home/01/emma" in capsys.readouterr().err
    assert not (made / "home/01/maria").exists()


@as_root
def test_f15_a_quota_is_set_for_no_course_of_another_gid(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "courses.yaml").write_text(COURSES.replace("gid: 70101", "gid: 70105"))
    assert run("storage", "quota", *FILES) == 1
    assert "belong to group 70101, not to 70105" in capsys.readouterr().err


@as_root
def test_somebody_who_cannot_have_a_home_is_named_and_keeps_nobody_else_from_theirs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = [f"--user={name}" for name in ("mallory", "../etc", "daemon", "maria")]
    assert run("storage", "ensure", *people, *FILES) == 1
    assert (root / "home/01/maria").is_dir()
    output = capsys.readouterr()
    assert "make home/01/maria 0700 20001:20001" in output.out
    for sentence in (
        "coursehub: mallory: The account 'mallory' is not known in the university's directory",
        "coursehub: ../etc: The account name '../etc' cannot have a server here",
        "coursehub: daemon: The account 'daemon' is a system account",
    ):
        assert sentence in output.err


@as_root
def test_whom_only_the_login_knows_the_hub_has_to_ask_for(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(SITE.replace("identity:\n", "identity:\n  provider: authState\n"))
    assert run("storage", "ensure", "--user=maria", *FILES) == 1
    assert "coursehub: maria: uid and gid come with the login, and only the hub has them" in capsys.readouterr().err
    assert not (root / "home").exists()


@as_root
def test_usage_is_counted_by_a_walk_where_there_are_no_quotas(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made / "home/01/maria/big").write_bytes(os.urandom(2**20))
    assert run("storage", "usage", "--root", "root", "--json") == 0
    found = {use["path"]: use for use in json.loads(capsys.readouterr().out)}
    assert found["home/01/maria"]["counted"] == "walk"
    assert found["home/01/maria"]["files"] == 2
    assert 2**20 <= found["home/01/maria"]["size"] < 2**20 + 65536
    assert found["course/python-intro"]["files"] == 11
    assert run("storage", "usage", "--root", "root") == 0
    assert "home/01/maria" in capsys.readouterr().out


@as_root
def test_where_there_are_no_quotas_that_is_said_plainly(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(f"{SITE}quotas: {{home: {{size: 1G}}, course: {{size: 2G}}}}\n")
    assert run("storage", "quota", *FILES) == 1
    assert capsys.readouterr().err.count("quotas are unsupported here: ") == 2


@as_root
def test_without_limits_in_the_sites_values_no_quota_is_set(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("storage", "quota", *FILES) == 0
    assert not capsys.readouterr().out


@as_root
def test_people_are_listed(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("storage", "people", "--root", "root") == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["anna:30001", "daemon:999"]
