"""What is live: files are followed without a restart, and the last good ones stay."""

import gc
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from coursehub.errors import InvalidFile
from coursehub.live import reader_process
from coursehub.live.kept import Folder, Kept
from coursehub.live.reader_process import Lost
from coursehub.live.snapshot import Site

from tests.support import SITE

LOG = logging.getLogger("tests.site")
Folders = tuple[Path, Path]
A = "courses:\n  a: {name: A}\n"
B = A + "  b: {name: B}\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("site", SITE), ("courses", A)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yaml").write_text(text)
    return tmp_path / "site", tmp_path / "courses"


def config_map(folder: Path, generation: int, **files: str) -> None:
    """Writes `files` as kubelet does: a new folder, and one symbolic link that is swapped to it."""
    data = folder / f"..{generation}"
    data.mkdir()
    for name, text in files.items():
        (data / f"{name}.yaml").write_text(text)
    (folder / "..new").symlink_to(data.name)
    os.rename(folder / "..new", folder / "..data")
    for name in files:
        if not (folder / f"{name}.yaml").is_symlink():
            (folder / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")


def test_a_config_maps_swap_is_seen_and_taken_over_as_one(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    courses = tmp_path / "mounted"
    courses.mkdir()
    config_map(courses, 1, main=A)
    site = Site(folders[0], courses, LOG)
    assert list(site.current.catalog.courses) == ["a"]
    assert not site.refresh()
    config_map(courses, 2, main=B)
    assert site.refresh()
    assert list(site.current.catalog.courses) == ["a", "b"]
    assert not site.refresh()


def test_a_plain_edit_is_seen(folders: tuple[Path, Path]) -> None:
    site = Site(*folders, LOG)
    (folders[1] / "courses.yaml").write_text(B)
    assert site.refresh()
    assert list(site.current.catalog.courses) == ["a", "b"]


def test_a_new_file_is_seen(folders: tuple[Path, Path]) -> None:
    site = Site(*folders, LOG)
    (folders[1] / "more.yaml").write_text("courses:\n  z: {name: Z}\n")
    assert site.refresh()
    assert list(site.current.catalog.courses) == ["a", "z"]


def test_a_thread_follows_the_files_by_itself(folders: tuple[Path, Path]) -> None:
    site = Site(*folders, LOG)
    site.follow()
    (folders[1] / "courses.yaml").write_text(B)
    until(lambda: list(site.current.catalog.courses) == ["a", "b"])


def test_what_the_hub_has_when_it_begins_to_follow_is_not_looked_through_for_garbage_again(folders: Folders) -> None:
    gc.unfreeze()
    Site(*folders, LOG).follow()
    assert gc.get_freeze_count() > 10_000


@pytest.mark.parametrize(
    "broken",
    [b"", b"courses:\n  a: {name: \xff\xfe}\n", b"courses: {} #" + 2**23 * b"x"],
    ids=["empty", "Latin 1", "Y16 larger than 8 MiB"],
)
def test_y23_a_broken_course_file_keeps_the_last_good_courses_and_is_told_in_the_log(
    folders: tuple[Path, Path], broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(*folders, LOG)
    (folders[1] / "courses.yaml").write_bytes(broken)
    site.refresh()
    assert [course.name for course in site.current.catalog.courses.values()] == ["A"]
    assert "courses.yaml:" in caplog.text
    assert not site.refresh(), "the log would repeat it each second"
    (folders[1] / "courses.yaml").write_text(B)
    site.refresh()
    assert not site.current.problems
    assert list(site.current.catalog.courses) == ["a", "b"]


def test_broken_settings_keep_the_last_good_ones_and_the_courses_go_on(folders: tuple[Path, Path]) -> None:
    site = Site(*folders, LOG)
    (folders[0] / "site.yaml").write_text(SITE.replace("Europe/Helsinki", "Nowhere"))
    (folders[1] / "courses.yaml").write_text(B)
    site.refresh()
    assert str(site.current.settings.zone) == "Europe/Helsinki"
    assert list(site.current.catalog.courses) == ["a", "b"]
    assert [problem.file for problem in site.current.problems] == ["site.yaml"]


def test_an_image_that_the_site_gets_makes_the_course_good_without_an_edit_of_it(folders: tuple[Path, Path]) -> None:
    (folders[1] / "courses.yaml").write_text("courses:\n  a: {name: A, image: new}\n")
    site = Site(*folders, LOG)
    assert not site.current.catalog.courses
    (folders[0] / "site.yaml").write_text(SITE.replace("  r: ", "  new: x:1\n  r: "))
    site.refresh()
    assert list(site.current.catalog.courses) == ["a"]


@pytest.mark.parametrize("text", ["", "timezone: Nowhere\n", "\x00"], ids=repr)
def test_a_hub_with_broken_settings_does_not_start(folders: tuple[Path, Path], text: str) -> None:
    (folders[0] / "site.yaml").write_text(text)
    with pytest.raises(InvalidFile):
        Site(*folders, LOG)


def test_a_hub_with_a_broken_course_file_starts_with_the_courses_that_are_good(folders: tuple[Path, Path]) -> None:
    (folders[1] / "courses.yaml").write_text(A + "  b: {}\n")
    (folders[1] / "other.yaml").write_text("courses: {")
    assert list(Site(*folders, LOG).current.catalog.courses) == ["a"]


def test_only_yaml_files_are_read(folders: tuple[Path, Path]) -> None:
    (folders[1] / "README.md").write_text("no yaml: [")
    (folders[1] / "folder.yaml").mkdir()
    assert not Site(*folders, LOG).current.problems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the hub keeps what is live."""
    return tmp_path / "kept"


@pytest.fixture
def kept(folder: Path) -> Kept:
    return Kept(Folder(folder), LOG)


def names(site: Site) -> dict[str, str]:
    """The live courses' names by slug."""
    return {slug: course.name for slug, course in site.current.catalog.courses.items()}


@pytest.mark.parametrize("broken", ["courses: {", None], ids=["half a file", "no file"])
def test_y23_a_restart_of_the_hub_goes_on_with_the_last_good_courses(
    folders: Folders, kept: Kept, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = folders[1] / "courses.yaml"
    (entry,) = Site(*folders, LOG, kept).current.state.entries
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    caplog.clear()
    again = Site(*folders, LOG, kept)
    assert names(again) == {"a": "A"}
    assert again.current.problems
    assert again.current.state.entries == (replace(entry, kept=True),)
    assert again.current.state.generation == 2
    path.write_text(B)
    again.refresh()
    assert names(again) == {"a": "A", "b": "B"}
    assert again.current.state.entries[0] == entry


def test_y23_a_restart_with_broken_settings_goes_on_with_the_last_good_ones_and_says_so(
    folders: Folders, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    Site(*folders, LOG, kept)
    (folders[0] / "site.yaml").write_text("timezone: Nowhere\n")
    with caplog.at_level(logging.INFO):
        assert str(Site(*folders, LOG, kept).current.settings.zone) == "Europe/Helsinki"
    assert "the site's values cannot be used, so the last good ones stay" in caplog.text


def test_a_kept_state_that_is_none_is_told_and_passed_over(
    folders: Folders, folder: Path, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    (folder / "live.jsonl").write_bytes(b"\x00\n")
    assert names(Site(*folders, LOG, kept)) == {"a": "A"}
    assert "Which courses were live before is not known: it is damaged" in caplog.text


def test_a_hub_that_cannot_keep_its_state_works_and_says_so_until_it_can(
    folders: Folders, folder: Path, kept: Kept
) -> None:
    folder.write_text("no folder")
    site = Site(*folders, LOG, kept)
    assert names(site) == {"a": "A"}
    assert kept.unsaved
    folder.unlink()
    kept.again()
    assert kept.unsaved is None
    (folders[1] / "courses.yaml").unlink()
    assert names(Site(*folders, LOG, Kept(Folder(folder), LOG))) == {"a": "A"}


def test_each_change_of_a_course_is_one_line_of_the_log(folders: Folders, caplog: pytest.LogCaptureFixture) -> None:
    def said() -> list[str]:
        lines = [line for line in caplog.messages if line.startswith("course ")]
        caplog.clear()
        return [re.sub(r"[0-9a-f]{7} |20\S+Z", "… ", line) for line in lines]

    with caplog.at_level(logging.INFO):
        site = Site(*folders, LOG)
        assert said() == ["course a: version … live since …  from courses.yaml:2"]
        (folders[1] / "courses.yaml").write_text("courses:\n  a: {nam: A}\n  b: {name: B}\n")
        site.refresh()
        assert said() == [
            "course a: kept at version … of … , because courses.yaml:2:3: course 'a': 'name' is missing; add it",
            "course b: version … live since …  from courses.yaml:3",
            "course file: courses.yaml:2:3: course 'a': 'name' is missing; add it",
            "course file: courses.yaml:2:7: course 'a': unknown key 'nam'; did you mean 'name'?",
        ]
        (folders[1] / "courses.yaml").write_text(A)
        site.refresh()
        assert said() == [
            "course a: version … live since …  from courses.yaml:2",
            "course b: gone, no file has it any more",
        ]


PYTHON = sys.executable


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the process that reads be another program."""

    def put(script: str) -> None:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755 if script else 0)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("exit 3", "ended with status 3", id="dies"),
        pytest.param("kill -KILL $$", "ended by SIGKILL", id="is killed"),
        pytest.param("kill -XCPU $$", "they take too long to read; make them smaller", id="takes too long"),
        pytest.param("", "no process for it", id="cannot be started"),
        pytest.param("exec sleep 60", "it did not begin within 0 s; is there enough CPU?", id="does not begin"),
        pytest.param("echo; exec sleep 60", "no answer for 0 s; does the storage under the files hang?", id="hangs"),
        pytest.param("echo nonsense; echo", "an answer that is none", id="says nonsense"),
        pytest.param("echo state; echo {}; echo", "an answer that is none", id="says half a state"),
        pytest.param("exec yes", "an answer without an end", id="does not stop to talk"),
    ],
)
def test_a_reader_that_fails_leaves_what_is_live_and_a_restart_goes_on_with_it_too(
    folders: Folders,
    kept: Kept,
    program: Callable[[str], None],
    script: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Site(*folders, LOG, kept)
    if "sleep" in script:
        monkeypatch.setattr(reader_process, "_BEGINS" if script.startswith("exec") else "_SILENT", 0.4)
    monkeypatch.setattr(reader_process, "_LONGEST", 2**20)
    (folders[1] / "courses.yaml").write_text(B)
    program(script)
    site = Site(*folders, LOG, kept)
    assert names(site) == {"a": "A"}
    assert said in str(site.current.failure)
    assert said in caplog.text
    with pytest.raises(Lost, match=re.escape(said)):
        Site(*folders, LOG)
    monkeypatch.undo()
    site.refresh()
    assert names(site) == {"a": "A", "b": "B"}
    assert site.current.failure is None


def test_y16_files_that_need_more_memory_than_there_is_leave_what_is_live(
    folders: Folders, kept: Kept, program: Callable[[str], None]
) -> None:
    Site(*folders, LOG, kept)
    many = "".join(f"  c{n}: {{name: C, students: [{'x,' * 29_000}]}}\n" for n in range(6))
    (folders[1] / "more.yaml").write_text("courses:\n" + many)
    program(f'ulimit -v 60000; exec {PYTHON} "$@"')
    site = Site(*folders, LOG, kept)
    assert names(site) == {"a": "A"}
    assert "of memory; make them smaller" in str(site.current.failure)


def test_the_thread_outlives_a_reader_that_is_killed_and_reads_again(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("coursehub.live.snapshot._AGAIN", 0.1)
    site = Site(*folders, LOG)
    first = site._child
    site.follow()
    until(lambda: site._child not in (None, first))
    assert site._child is not None
    site._child.kill()
    until(lambda: "ended by SIGKILL" in caplog.text)
    (folders[1] / "courses.yaml").write_text(B)
    until(lambda: list(names(site)) == ["a", "b"])
    assert site.current.failure is None


def until(true: Callable[[], bool]) -> None:
    """Waits for something that comes soon."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
