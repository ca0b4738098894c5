"""The hub's look at the volume, over NFS and as the hub's uid."""

import os
from collections.abc import Iterator

import pytest
from coursehub import layout
from coursehub.errors import Refused

from ci.nfs import server
from ci.nfs.agent import ROOT
from tests.nfs import inside
from tests.nfs.conftest import HUB, Volume
from tests.support import JONAS, MARIA

HOME = layout.home(MARIA.uid, MARIA.name)
COURSE = [layout.course_files("python-intro"), layout.course_data("python-intro"), layout.exchange("python-intro")]
SILENT = "The file server does not answer. Please try again in a few minutes."


@pytest.fixture
def home(volume: Volume) -> None:
    volume.provision(*layout.home_tree(MARIA.uid, MARIA.gid, MARIA.name))


@pytest.fixture
def stopped_server(volume: Volume, home: None) -> Iterator[None]:
    volume.machine.call(ROOT, server.stop_serving)
    yield
    volume.machine.call(ROOT, server.serve)


@pytest.mark.usefixtures("home")
def test_it_finds_a_home_and_a_course_that_it_may_not_enter(volume: Volume) -> None:
    volume.provision(*layout.course_tree("python-intro", 70101, data=True, data_writable=False))
    volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, COURSE)
    for closed in (HOME, COURSE[0]):
        with pytest.raises(PermissionError):
            volume.machine.call(HUB, os.listdir, volume.client / closed)


def test_it_refuses_a_home_that_is_not_there(volume: Volume) -> None:
    with pytest.raises(Refused, match=f"^Your home directory does not exist yet, .*{HOME}"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, [])


@pytest.mark.usefixtures("home")
def test_it_refuses_a_home_of_another_uid_and_says_both(volume: Volume) -> None:
    with pytest.raises(Refused, match=r"belongs to uid 20001, .* you are uid 20002"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, JONAS.uid, [])


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("uid", "name", "sentence"),
    [
        (MARIA.uid, "emma", "uid 20001 has the home home/01/emma"),
        (JONAS.uid, MARIA.name, "the home home/02/maria belongs to uid 20002, not to 20001"),
    ],
    ids=["the uid has another name's home", "the name has another home"],
)
def test_i8_it_refuses_a_name_or_a_uid_that_has_another_home(
    volume: Volume, uid: int, name: str, sentence: str
) -> None:
    volume.provision(*layout.home_tree(uid, uid, name))
    with pytest.raises(Refused, match=f"Nothing was started: {sentence}"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, [])


@pytest.mark.usefixtures("home")
def test_f15_it_refuses_a_course_of_another_gid(volume: Volume) -> None:
    volume.provision(*layout.course_tree("python-intro", 70101, data=True, data_writable=False))
    volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, COURSE, course=("python-intro", 70101))
    with pytest.raises(Refused, match="belong to group 70101, not to 70105"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, COURSE, course=("python-intro", 70105))


def test_a_look_at_a_hundred_folders_costs_three_requests_a_folder_and_then_one(volume: Volume) -> None:
    volume.machine.call(ROOT, inside.homes, volume.host, range(20000, 20500))
    requests = []
    for _ in range(2):
        before = volume.machine.call(ROOT, inside.round_trips, volume.client.parent)
        volume.machine.call(HUB, inside.check, volume.client, layout.home(20001, "person20001"), 20001, [])
        requests.append(volume.machine.call(ROOT, inside.round_trips, volume.client.parent) - before)
    first, second = requests
    assert 100 <= first < 350, requests
    assert second < 250, requests


@pytest.mark.usefixtures("home")
def test_it_refuses_a_course_whose_files_are_not_there(volume: Volume) -> None:
    with pytest.raises(Refused, match="course's directory course/python-intro/files does not exist"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, COURSE)


@pytest.mark.usefixtures("home")
def test_it_refuses_a_symbolic_link_in_the_homes_place(volume: Volume) -> None:
    volume.machine.call(ROOT, (volume.host / HOME).rmdir)
    volume.machine.call(ROOT, (volume.host / HOME).symlink_to, "/srv")
    with pytest.raises(Refused, match="does not exist"):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, [])


@pytest.mark.usefixtures("stopped_server")
def test_it_ends_in_time_for_everybody_while_the_server_is_down(volume: Volume) -> None:
    told, seconds = volume.machine.call(HUB, inside.check_many, volume.client, HOME, MARIA.uid, count=20, timeout=5.0)
    assert told == {SILENT}
    assert 5 <= seconds < 15


@pytest.mark.usefixtures("stopped_server")
def test_it_finds_the_home_again_when_the_server_is_back(volume: Volume) -> None:
    with pytest.raises(Refused, match=SILENT):
        volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, [], timeout=1.0)
    volume.machine.call(ROOT, server.serve)
    volume.machine.call(HUB, inside.check, volume.client, HOME, MARIA.uid, [], timeout=90.0)
