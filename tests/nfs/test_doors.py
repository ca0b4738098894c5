"""The doors to the volume: what makes directories on the storage host, and what cannot over NFS."""

import json
from typing import Any

import pytest
from coursehub import layout
from coursehub.config.profiles import Role
from coursehub.errors import Refused

from ci.nfs import server
from ci.nfs.agent import ROOT
from tests.nfs import inside
from tests.nfs.command import FILES, SITE_AND_COURSES, coursehub
from tests.nfs.conftest import HUB, Volume, session
from tests.support import ANNA, MARIA

DOOR = ("storage", "door", "--verb=home", "--minimum-uid=20000")


def test_root_of_a_client_is_told_of_root_squash_and_of_the_ssh_door_and_nothing_is_left(volume: Volume) -> None:
    with pytest.raises(Refused, match=r"root_squash.*ssh door of the storage host"):
        volume.machine.call(ROOT, inside.trial, volume.client)
    assert volume.machine.call(ROOT, inside.everything, volume.host) == []
    volume.machine.call(ROOT, inside.trial, volume.host)
    assert volume.machine.call(ROOT, inside.everything, volume.host) == []


def test_root_of_a_client_cannot_use_the_command(volume: Volume) -> None:
    folder = volume.host.parent.with_name("site")
    words = ("storage", "ensure", "--root", str(volume.client), *SITE_AND_COURSES)
    code, _, error = volume.machine.call(ROOT, inside.command, folder, FILES, words)
    assert code == 1
    assert "Permission denied" in error
    assert volume.machine.call(ROOT, inside.everything, volume.host) == []


def test_the_command_on_the_storage_host_makes_what_clients_then_use(volume: Volume) -> None:
    words = ("storage", "ensure", "--root", str(volume.host), *SITE_AND_COURSES)
    code, said, error = coursehub(volume, *words)
    assert (code, error) == (0, "")
    assert "make home/01/maria 0700 20001:20001" in said.splitlines()
    assert coursehub(volume, *words) == (0, "", "")
    paths = [layout.gradebook("python-intro"), "exchange/python-intro/inbound"]
    assert volume.machine.call(HUB, inside.described, volume.client, paths[1:]) == [f"3773 0:70101 {paths[1]}"]
    instructor = session(ANNA, Role.INSTRUCTOR, "python-intro")
    assert volume.machine.call(instructor, inside.described, volume.client, paths[:1]) == [f"0660 0:70101 {paths[0]}"]
    volume.machine.call(instructor, (volume.client / paths[0]).write_bytes, b"")


def test_the_program_of_the_ssh_door_makes_a_home_that_is_its_owners_over_nfs(volume: Volume) -> None:
    door = (*DOOR, f"--root={volume.host}", "--site=site.yaml")
    home: dict[str, Any] = {"verb": "home", "name": MARIA.name, "uid": MARIA.uid, "gid": MARIA.gid}
    code, said, _ = coursehub(volume, *door, send=json.dumps(home))
    assert code == 0
    assert "home/01/maria" in [change["path"] for change in json.loads(said)["changes"]]
    student = session(MARIA, Role.STUDENT, "python-intro")
    volume.machine.call(student, (volume.client / "home/01/maria/notes").write_text, "mine")
    code, said, _ = coursehub(volume, *door, send=json.dumps(home | {"uid": 20002}))
    assert code == 1
    assert "maria is 20001:20001 here" in json.loads(said)["refusal"]


def test_the_door_asks_the_storage_hosts_own_name_service_without_a_site(volume: Volume) -> None:
    door = (*DOOR, f"--root={volume.host}")
    number = 31000 + int(volume.host.name)
    home = {"verb": "home", "name": f"local{number}", "uid": number, "gid": number}
    code, said, _ = coursehub(volume, *door, send=json.dumps(home))
    assert (code, json.loads(said)) == (1, {"refusal": f"local{number} is not known here"})
    volume.machine.call(ROOT, server.know, f"local{number}", number, number)
    assert coursehub(volume, *door, send=json.dumps(home))[0] == 0


def test_a_tree_of_other_conventions_is_checked_repaired_and_then_clean(volume: Volume) -> None:
    assert coursehub(volume, "storage", "ensure", "--root", str(volume.host), *SITE_AND_COURSES)[0] == 0
    instructor = session(ANNA, Role.INSTRUCTOR, "python-intro")
    files = volume.client / layout.course_files("python-intro")
    volume.machine.call(instructor, (files / "release").mkdir)
    volume.machine.call(instructor, (files / "release").chmod, 0o770)
    volume.machine.call(ROOT, (volume.host / "exchange/python-intro/inbound").chmod, 0o777)
    check = ("course", "check", "--all", "--root", str(volume.host), *SITE_AND_COURSES)
    code, said, _ = coursehub(volume, *check)
    assert code == 1
    assert said.splitlines() == [
        "exchange/python-intro/inbound: is 0777 0:70101, has to be 3773 0:70101",
        "course/python-intro/files/release: is not setgid, so new files get another group",
    ]
    assert coursehub(volume, *check, "--repair")[0] == 0
    assert coursehub(volume, *check) == (0, "", "")


def test_an_archived_course_takes_no_new_files_over_nfs(volume: Volume) -> None:
    assert coursehub(volume, "course", "create", "old-course", "--root", str(volume.host), *SITE_AND_COURSES)[0] == 0
    instructor = session(ANNA, Role.INSTRUCTOR, "old-course")
    for folder in ("course/old-course/files", "course/old-course/data", "exchange/old-course/outbound"):
        with pytest.raises(PermissionError):
            volume.machine.call(instructor, (volume.client / folder / "new").write_text, "x")
