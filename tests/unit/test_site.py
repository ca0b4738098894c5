"""What is live: files are followed without a restart, and the last good ones stay."""

import logging
import os
import time
from pathlib import Path

import pytest
from coursehub.errors import InvalidFile
from coursehub.site import Site

from tests.support import SITE

LOG = logging.getLogger("tests.site")
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
    end = time.monotonic() + 5
    while list(site.current.catalog.courses) != ["a", "b"]:
        assert time.monotonic() < end, "the edit was not seen"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "broken",
    [b"", b"courses: {", b"courses:\n  a: {nam: x}\n", b"courses:\n  a: {name: \xff\xfe}\n", b"\x00"],
    ids=repr,
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
