"""What instructors make in /course belongs to the course and to nobody outside."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.config.profiles import Role

from tests.nfs import inside
from tests.nfs.conftest import Volume, session
from tests.support import ANNA, MARIA, SOFIA

INSTRUCTOR = session(ANNA, Role.INSTRUCTOR, "python-intro")
STUDENT = session(MARIA, Role.STUDENT, "python-intro")


@pytest.fixture
def files(volume: Volume) -> Path:
    volume.provision(*layout.course_tree("python-intro", 70101, data=True, data_writable=False))
    return volume.client / layout.course_files("python-intro")


def test_an_instructor_makes_files_and_folders_that_are_the_groups(volume: Volume, files: Path) -> None:
    assert (INSTRUCTOR.gid, INSTRUCTOR.umask) == (70101, 0o007)
    volume.machine.call(INSTRUCTOR, (files / "release").mkdir)
    volume.machine.call(INSTRUCTOR, (files / "release/ps1.ipynb").write_text, "{}")
    assert volume.machine.call(INSTRUCTOR, inside.everything, files) == [
        "0660 0:70101 gradebook.db",
        "2770 30001:70101 release",
        "0660 30001:70101 release/ps1.ipynb",
    ]


def test_the_folders_group_wins_where_the_courses_gid_is_only_a_supplementary_one(volume: Volume, files: Path) -> None:
    member = replace(INSTRUCTOR, gid=ANNA.gid, groups=(70101,))
    volume.machine.call(member, (files / "release").mkdir)
    volume.machine.call(member, (files / "release/ps1.ipynb").write_text, "{}")
    assert volume.machine.call(member, inside.everything, files) == [
        "0660 0:70101 gradebook.db",
        "2770 30001:70101 release",
        "0660 30001:70101 release/ps1.ipynb",
    ]


def test_another_instructor_writes_what_the_first_one_made(volume: Volume, files: Path) -> None:
    another = session(SOFIA, Role.INSTRUCTOR, "python-intro")
    volume.machine.call(INSTRUCTOR, (files / "ps1.ipynb").write_text, "{}")
    volume.machine.call(another, (files / "ps1.ipynb").write_text, '{"cells": []}')
    assert volume.machine.call(INSTRUCTOR, (files / "ps1.ipynb").read_text) == '{"cells": []}'


def test_a_student_neither_lists_nor_reads_nor_writes_them(volume: Volume, files: Path) -> None:
    volume.machine.call(INSTRUCTOR, (files / "ps1.ipynb").write_text, "{}")
    with pytest.raises(PermissionError):
        volume.machine.call(STUDENT, os.listdir, files)
    with pytest.raises(PermissionError):
        volume.machine.call(STUDENT, (files / "ps1.ipynb").read_text)
    with pytest.raises(PermissionError):
        volume.machine.call(STUDENT, (files / "mine.txt").write_text, "mine")


def test_a_student_reads_course_data_and_cannot_write_it(volume: Volume, files: Path) -> None:
    data = files.with_name("data")
    volume.machine.call(INSTRUCTOR, (data / "table.csv").write_text, "1")
    volume.machine.call(INSTRUCTOR, (data / "table.csv").chmod, 0o664)
    assert volume.machine.call(STUDENT, (data / "table.csv").read_text) == "1"
    with pytest.raises(PermissionError):
        volume.machine.call(STUDENT, (data / "table.csv").write_text, "2")
    with pytest.raises(PermissionError):
        volume.machine.call(STUDENT, (data / "mine.txt").write_text, "mine")
