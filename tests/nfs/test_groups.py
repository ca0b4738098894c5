"""Which of a process's groups count on the server, and why plan.MOST_GIDS is 16."""

import pytest
from coursehub.layout import Directory
from coursehub.servers.plan import MOST_GIDS

from ci.nfs import server
from ci.nfs.agent import ROOT, Identity
from tests.nfs import inside
from tests.nfs.conftest import Volume

GIDS = tuple(range(70001, 70001 + 17))


@pytest.fixture(autouse=True)
def folders(volume: Volume) -> None:
    volume.provision(*(Directory(str(gid), 0o2770, 0, gid) for gid in GIDS))


def test_every_group_of_a_plan_opens_its_folder(volume: Volume) -> None:
    who = Identity(20001, GIDS[0], GIDS[1:MOST_GIDS])
    assert volume.machine.call(who, inside.entered, volume.client, GIDS) == list(GIDS[:MOST_GIDS])


def test_the_seventeenth_supplementary_group_is_refused_over_nfs_and_not_on_the_storage_host(volume: Volume) -> None:
    who = Identity(20001, 20001, GIDS)
    assert volume.machine.call(who, inside.entered, volume.client, GIDS) == list(GIDS[:16])
    assert volume.machine.call(who, inside.entered, volume.host, GIDS) == list(GIDS)


@pytest.mark.parametrize(
    ("who", "gids"),
    [
        pytest.param(Identity(30009, 30009, GIDS[:2]), (), id="no supplementary group of somebody it knows"),
        pytest.param(Identity(30009, GIDS[0], GIDS[1:2]), GIDS[:1], id="the primary group of somebody it knows"),
        pytest.param(Identity(20001, 20001, GIDS[:2]), GIDS[:2], id="all groups of somebody it does not know"),
    ],
)
def test_a_server_with_debians_manage_gids_believes(volume: Volume, who: Identity, gids: tuple[int, ...]) -> None:
    volume.machine.call(ROOT, server.know, "known", 30009, 30009)
    assert volume.machine.call(who, inside.entered, volume.client, GIDS) == list(gids)
