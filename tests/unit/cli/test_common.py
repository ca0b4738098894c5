"""What commands share: reading the files they are given, and what they print."""

from pathlib import Path

import pytest
from coursehub.cli import common
from coursehub.errors import InvalidFile, Problem


def test_course_files_are_read_in_the_order_given_and_a_folders_by_name(files: Path) -> None:
    for name in ("courses/b.yaml", "courses/a.yaml", "courses/notes.md"):
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(name)
    found = list(common.texts([Path("courses"), Path("courses/b.yaml")]))
    assert found == [(name, name) for name in ("courses/a.yaml", "courses/b.yaml", "courses/b.yaml")]


def test_all_mistakes_of_all_course_files_come_at_once(files: Path) -> None:
    (files / "other.yaml").write_text("courses: []\n")
    with pytest.raises(InvalidFile) as invalid:
        common.site_and_courses([Path("site.yaml")], [Path("broken.yaml"), Path("other.yaml"), Path("root")])
    assert {problem.file for problem in invalid.value.problems} == {"broken.yaml", "other.yaml", "root"}


def test_a_later_values_file_goes_over_an_earlier_one(files: Path) -> None:
    (files / "more.yaml").write_text("timezone: Asia/Tokyo\n")
    site = common.site_settings([Path("site.yaml"), Path("more.yaml")])
    assert (str(site.timezone), site.minimum_uid) == ("Asia/Tokyo", 20000)


def test_mistakes_are_lines_of_standard_error_and_come_to_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert common.report([Problem("a.yaml", 2, 3, "wrong", "x")], as_json=False) == common.PROBLEMS
    assert capsys.readouterr() == ("", "a.yaml:2:3: course 'x': wrong\n")
    assert common.report([], as_json=False) == common.FINE
