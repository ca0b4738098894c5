"""What a server mounts is made by the provisioner, and looked at by the hub too where the share is mounted."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed, Refused
from coursehub.hub.admin.health import Health
from coursehub.hub.volume.directories import Directories
from coursehub.hub.volume.share import Share
from coursehub.layout import PEOPLE
from coursehub.servers import plan
from coursehub.servers.plan import SHARE, Mount, PodPlan

from tests.support import MARIA, SITE, TODAY, catalog, site
from tests.unit.conftest import live

PROVISIONED = f"{SITE}provisioner: {{url: 'http://provisioner:8080', timeout: 10}}\n"


class Service:
    """A provisioner that makes all that it is asked for, without a trace on the hub's side."""

    def __init__(self) -> None:
        self.again: list[bool] = []

    async def ensure(self, *_: Any, again: bool = False) -> None:
        """See coursehub.hub.volume.provisioner."""
        self.again.append(again)

    async def answers(self, _: Any) -> None:
        """It does."""


async def prepare(directories: Directories, settings: Settings) -> None:
    """For a server of general use."""
    planned = plan.make(MARIA, GENERAL, None, settings, TODAY)
    await directories.prepare(planned, None, settings, TODAY)


def directories(share: Path) -> tuple[Directories, Service]:
    service: Any = Service()
    return Directories(Share(share), service), service


async def test_without_a_mount_the_provisioner_is_asked_for_each_start_and_the_hub_does_not_look(
    tmp_path: Path,
) -> None:
    ours, service = directories(tmp_path / "nowhere/share")
    for _ in range(2):
        await prepare(ours, site(PROVISIONED))
    assert service.again == [True, True], "what was taken away since would be made by kubelet, as root"


def with_more(planned: PodPlan, sub_path: str) -> PodPlan:
    """The plan as a site's module changes it."""
    more = Mount(path="/srv/software", volume=SHARE, sub_path=sub_path, read_only=True)
    return replace(planned, mounts=(*planned.mounts, more))


async def test_without_a_mount_what_nobody_is_asked_for_closes_the_gate_and_says_what_to_mount(tmp_path: Path) -> None:
    ours, service = directories(tmp_path / "nowhere/share")
    settings = site(PROVISIONED)
    planned = with_more(plan.make(MARIA, GENERAL, None, settings, TODAY), "software")
    with pytest.raises(GateClosed, match=r"looks whether software is on the volume.*mount coursehub-storage"):
        await ours.prepare(planned, None, settings, TODAY)
    assert service.again == []


async def test_with_a_mount_the_hub_looks_at_what_the_sites_module_mounts(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    ours, _ = directories(tmp_path / "share")
    settings = site(PROVISIONED)
    mine = replace(MARIA, uid=os.getuid() or MARIA.uid)
    planned = with_more(plan.make(mine, GENERAL, None, settings, TODAY), "software")
    home = tmp_path / "share" / planned.directories[0]
    home.mkdir(parents=True)
    os.chown(home, planned.uid, -1)
    with pytest.raises(Refused, match="directory software does not exist yet"):
        await ours.prepare(planned, None, settings, TODAY)
    (tmp_path / "share/software").mkdir()
    await ours.prepare(planned, None, settings, TODAY)


@pytest.mark.parametrize("role", Role)
async def test_without_a_mount_the_service_makes_all_that_a_plan_itself_mounts(tmp_path: Path, role: Role) -> None:
    ours, service = directories(tmp_path / "nowhere/share")
    settings = site(PROVISIONED)
    for each in catalog().courses.values():
        profile, course = (GENERAL, None) if role is Role.GENERAL else (Profile(role, each.slug), each)
        planned = plan.make(MARIA, profile, course, settings, TODAY)
        await ours.prepare(with_more(planned, PEOPLE), course, settings, TODAY)
    assert service.again


async def test_with_a_mount_the_hub_looks_and_asks_once_more_for_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    ours, service = directories(tmp_path / "share")
    with pytest.raises(Refused, match="Your home directory does not exist yet"):
        await prepare(ours, site(PROVISIONED))
    assert service.again == [False, True]


async def test_with_neither_mount_nor_provisioner_nothing_is_taken_for_good(tmp_path: Path) -> None:
    ours, _ = directories(tmp_path / "share")
    with pytest.raises(Refused, match="Your home directory does not exist yet"):
        await prepare(ours, site())


@pytest.mark.parametrize(
    ("mounted", "values", "said"),
    [
        pytest.param(True, PROVISIONED, {"failure": None}, id="mounted"),
        pytest.param(False, PROVISIONED, None, id="the provisioner looks"),
        pytest.param(
            False,
            SITE,
            {"failure": "The file server refused a look at the volume (No such file or directory)."},
            id="nobody looks",
        ),
    ],
)
async def test_who_looks_is_said(tmp_path: Path, mounted: bool, values: str, said: object) -> None:
    if mounted:
        (tmp_path / "share").mkdir()
    ours, _ = directories(tmp_path / "share")
    health = Health(live(site(values), catalog()), ours, lambda: None)
    assert (await health())["share"] == said
