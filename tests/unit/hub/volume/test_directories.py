"""What a server mounts is made by the provisioner, and looked at by the hub too where the share is mounted."""

from pathlib import Path
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.hub.admin.health import Health
from coursehub.hub.volume.directories import Directories
from coursehub.hub.volume.share import Share
from coursehub.servers import plan

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
