"""The folders of files: what is wrong with one is told in its place, and never taken for files that are gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coursehub.errors import InvalidFile
from coursehub.live import folders
from coursehub.live.folders import Missing

A = "courses:\n  a: {name: A}\n"
B = "courses:\n  b: {name: B}\n"


def laid(folder: Path, **maps: dict[str, str]) -> Path:
    """The files of each ConfigMap in a folder of its own."""
    for name, files in maps.items():
        (folder / name.replace("_", "-")).mkdir()
        for file, text in files.items():
            (folder / name.replace("_", "-") / file).write_text(text)
    return folder


def said(folder: Path) -> dict[str, str]:
    """The text of each file, or the first problem in its place."""
    found = folders.courses(folder)
    assert not isinstance(found, InvalidFile), found
    return {file: text if isinstance(text, str) else str(text.problems[0]) for file, text in found}


def test_the_files_of_all_config_maps_are_one_list_by_name(tmp_path: Path) -> None:
    laid(tmp_path, coursehub_courses={"m.yaml": A}, z={"a.yaml": B}, b={"z.yml": B, "README.md": "x"})
    assert list(said(tmp_path)) == ["z/a.yaml", "coursehub-courses/m.yaml", "b/z.yml"]


def test_the_chart_s_own_may_be_empty_another_one_is_told(tmp_path: Path) -> None:
    laid(tmp_path, coursehub_courses={}, algebra={}, other={"o.yaml": B})
    assert said(tmp_path) == {
        "ConfigMap algebra": "ConfigMap algebra:1:1: it is not there, or holds no course file (*.yaml)",
        "other/o.yaml": B,
    }


def test_of_one_without_files_it_is_not_known_which_it_had(tmp_path: Path) -> None:
    laid(tmp_path, coursehub_courses={"m.yaml": A}, algebra={folders.WHY: "is gone"})
    files = folders.courses(tmp_path)
    assert not isinstance(files, InvalidFile)
    found = dict(files)
    assert isinstance(found["ConfigMap algebra"], Missing)
    assert str(found["ConfigMap algebra"]) == "ConfigMap algebra:1:1: is gone"
    assert found["coursehub-courses/m.yaml"] == A


def test_a_name_that_two_config_maps_share_is_told_with_both(tmp_path: Path) -> None:
    laid(tmp_path, one={"m.yaml": A, "a.yaml": A}, two={"m.yaml": B})
    both = "m.yaml:1:1: is in ConfigMap one and in ConfigMap two; give one of them another name"
    assert said(tmp_path) == {"one/a.yaml": A, "one/m.yaml": both, "two/m.yaml": both}


def test_files_side_by_side_are_all_there_is_whatever_folders_are_beside_them(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(A)
    laid(tmp_path, old={"m.yaml": B})
    assert said(tmp_path) == {"m.yaml": A}


def test_a_config_map_may_be_called_as_the_folder_of_a_volume_could_be(tmp_path: Path) -> None:
    laid(tmp_path, coursehub_courses={}, claim={}, physics={"p.yaml": A})
    assert list(said(tmp_path)) == ["ConfigMap claim", "physics/p.yaml"]


def test_what_lies_on_a_volume_gives_no_reason_and_holds_nobody_up(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "a.yaml").write_text(A)
    os.mkfifo(volume / folders.WHY)
    (tmp_path / "courses").mkdir()
    (tmp_path / "courses" / folders.CLAIM).symlink_to(volume)
    reads = "from sys import argv; from pathlib import Path; from coursehub.live import folders; "
    code = reads + "print(folders.courses(Path(argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "courses"], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == f"{[(f'{folders.CLAIM}/a.yaml', A)]}\n"


@pytest.mark.parametrize("change", ["text", "new", "gone", "why", "folder"])
def test_a_look_tells_each_change_below(tmp_path: Path, change: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    courses = tmp_path / "courses"
    courses.mkdir()
    laid(courses, one={"m.yaml": A}, two={"n.yaml": A})
    before = folders.look(site, courses)
    assert folders.look(site, courses) == before
    match change:
        case "text":
            (courses / "one/m.yaml").write_text(B + "# longer\n")
        case "new":
            (courses / "one/o.yaml").write_text(B)
        case "gone":
            (courses / "one/m.yaml").unlink()
        case "why":
            (courses / "one" / folders.WHY).write_text("why")
        case "folder":
            (courses / "three").mkdir()
    assert folders.look(site, courses) != before
