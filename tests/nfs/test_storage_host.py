"""The directories of the volume: who can make them, and how they then are."""

import os
from pathlib import Path

import pytest
from coursehub import layout

from ci.nfs.agent import ROOT
from ci.nfs.machine import Machine
from tests.nfs import inside
from tests.nfs.conftest import HUB, Volume
from tests.support import MARIA

GID = 70101
HOME = tuple(layout.home_tree(MARIA.uid, MARIA.gid, MARIA.name))
COURSE = tuple(layout.course_tree("python-intro", GID, data=True, data_writable=False))
TREE = HOME + COURSE
TABLE = [
    "0755 0:0 home",
    "0755 0:0 home/01",
    "0700 20001:20001 home/01/maria",
    "0755 0:0 course",
    "0755 0:0 course/python-intro",
    "2770 0:70101 course/python-intro/files",
    "0660 0:70101 course/python-intro/files/gradebook.db",
    "2775 0:70101 course/python-intro/data",
    "0750 0:70101 course/python-intro/people",
    "0640 0:70101 course/python-intro/people/passwd",
    "2771 0:70101 course/python-intro/runs",
    "0755 0:0 exchange",
    "2775 0:70101 exchange/python-intro",
    "2775 0:70101 exchange/python-intro/outbound",
    "3773 0:70101 exchange/python-intro/inbound",
    "2771 0:70101 exchange/python-intro/feedback",
]


def test_the_storage_host_makes_homes_and_courses_with_the_modes_and_owners_of_the_table(
    machine: Machine, storage_host: Path
) -> None:
    machine.call(ROOT, inside.provision, storage_host, TREE)
    assert machine.call(ROOT, inside.everything, storage_host) == sorted(TABLE, key=lambda line: line.split()[2])


def test_data_that_students_may_write_is_sticky_and_open_to_all(machine: Machine, storage_host: Path) -> None:
    tree = tuple(layout.course_tree("data-analysis", 70102, data=True, data_writable=True))
    machine.call(ROOT, inside.provision, storage_host, tree)
    path = layout.course_data("data-analysis")
    assert machine.call(ROOT, inside.described, storage_host, [path]) == [f"3777 0:70102 {path}"]


def test_a_second_run_says_and_changes_nothing(machine: Machine, storage_host: Path) -> None:
    machine.call(ROOT, inside.provision, storage_host, TREE)
    assert machine.call(ROOT, inside.provision, storage_host, TREE) == []


def test_a_wrong_owner_or_mode_is_corrected_and_said(machine: Machine, storage_host: Path) -> None:
    machine.call(ROOT, inside.provision, storage_host, TREE)
    machine.call(ROOT, os.chown, storage_host / HOME[-1].path, 0, 0)
    said = machine.call(ROOT, inside.provision, storage_host, TREE)
    assert said == ["correct home/01/maria to 0700 20001:20001"]
    assert machine.call(ROOT, inside.described, storage_host, ["home/01/maria"]) == ["0700 20001:20001 home/01/maria"]


def test_a_client_sees_the_owners_and_modes_of_the_table_without_entering_anything(volume: Volume) -> None:
    volume.provision(*TREE)
    seen = [line for line in TABLE if "gradebook.db" not in line and "passwd" not in line]
    assert volume.machine.call(HUB, inside.described, volume.client, [line.split()[2] for line in seen]) == seen


def test_root_on_a_client_makes_nothing_and_is_told_where_it_failed(volume: Volume) -> None:
    with pytest.raises(PermissionError) as refused:
        volume.machine.call(ROOT, inside.provision, volume.client, TREE)
    assert str(refused.value) == f"[Errno 13] Permission denied: '{volume.client / 'home'}'"
    assert volume.machine.call(ROOT, inside.everything, volume.host) == []


def test_root_on_a_client_leaves_nothing_half_made_where_the_parents_are_there(volume: Volume) -> None:
    volume.provision(*HOME[:-1])
    with pytest.raises(PermissionError, match="home/01/maria"):
        volume.machine.call(ROOT, inside.provision, volume.client, HOME)
    assert volume.machine.call(ROOT, inside.everything, volume.host) == TABLE[:2]


def test_root_on_a_client_cannot_own_a_home(volume: Volume) -> None:
    volume.provision(*HOME)
    with pytest.raises(PermissionError):
        volume.machine.call(ROOT, os.chown, volume.client / HOME[-1].path, 0, 0)
    assert volume.machine.call(ROOT, inside.described, volume.host, [HOME[-1].path]) == TABLE[2:3]


def test_root_on_a_client_corrects_nothing(volume: Volume) -> None:
    volume.provision(*HOME)
    volume.machine.call(ROOT, os.chown, volume.host / HOME[-1].path, 20002, 20002)
    with pytest.raises(PermissionError, match="home/01/maria"):
        volume.machine.call(ROOT, inside.provision, volume.client, HOME)
    assert volume.machine.call(ROOT, inside.described, volume.host, [HOME[-1].path]) == [
        "0700 20002:20002 home/01/maria"
    ]
