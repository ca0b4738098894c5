"""A home on NFS is its owner's, also against root on the client."""

import os
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.config.profiles import Role

from ci.nfs.agent import ROOT, Identity
from tests.nfs import inside
from tests.nfs.conftest import HUB, Volume, session
from tests.support import ANNA, JONAS, MARIA

OWNER = session(MARIA, Role.STUDENT, "python-intro")


@pytest.fixture
def home(volume: Volume) -> Path:
    volume.provision(*layout.home_tree(MARIA.uid, MARIA.gid, MARIA.name))
    return volume.client / layout.home(MARIA.uid, MARIA.name)


def test_its_owner_writes_and_reads_it(volume: Volume, home: Path) -> None:
    volume.machine.call(OWNER, (home / "notes.txt").write_text, "mine")
    assert volume.machine.call(OWNER, (home / "notes.txt").read_text) == "mine"
    assert volume.machine.call(OWNER, inside.everything, home) == ["0600 20001:20001 notes.txt"]


@pytest.mark.parametrize(
    "somebody",
    [
        pytest.param(session(JONAS, Role.STUDENT, "python-intro"), id="a student of the same course"),
        pytest.param(session(ANNA, Role.INSTRUCTOR, "python-intro"), id="the course's instructor"),
        pytest.param(HUB, id="the hub"),
        pytest.param(ROOT, id="root"),
    ],
)
def test_nobody_else_on_a_client_enters_or_lists_it(volume: Volume, home: Path, somebody: Identity) -> None:
    volume.machine.call(OWNER, (home / "notes.txt").write_text, "mine")
    with pytest.raises(PermissionError):
        volume.machine.call(somebody, os.listdir, home)
    with pytest.raises(PermissionError):
        volume.machine.call(somebody, (home / "notes.txt").read_text)
    with pytest.raises(PermissionError):
        volume.machine.call(somebody, (home / "left.txt").write_text, "here")
