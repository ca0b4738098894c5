"""What a server mounts is made by the service that the hub asks, or at least looked at; the hub mounts nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed, Refused
from coursehub.hub.admin.health import Health
from coursehub.hub.volume.directories import Directories
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.layout import course_files
from coursehub.servers import plan
from coursehub.servers.plan import SHARE, Mount, PodPlan

from tests.server import Server, server
from tests.support import MARIA, SITE, TODAY, catalog, site
from tests.unit.conftest import LOG, kept, live

PROVISIONED = f"{SITE}provisioner: {{url: 'http://provisioner:8080', timeout: 10}}\n"


class Service:
    """In the client's place: all is made, and what is to be looked at is kept."""

    def __init__(self) -> None:
        self.made = 0
        self.looks: list[Any] = []

    async def ensure(self, *_: Any) -> None:
        """See coursehub.hub.volume.provisioner."""
        self.made += 1

    async def look(self, _: Any, request: Any) -> None:
        """See coursehub.hub.volume.provisioner."""
        self.looks.append(request)


def directories() -> tuple[Directories, Service]:
    service: Any = Service()
    return Directories(service), service


@pytest.mark.parametrize("role", Role)
async def test_a_provisioner_makes_all_that_a_plan_itself_mounts_and_nobody_has_to_look(role: Role) -> None:
    ours, service = directories()
    settings = site(PROVISIONED)
    for each in catalog().courses.values():
        profile, course = (GENERAL, None) if role is Role.GENERAL else (Profile(role, each.slug), each)
        planned = plan.make(MARIA, profile, course, settings, TODAY)
        await ours.prepare(planned, course, settings, TODAY)
    assert service.made == len(catalog().courses)
    assert service.looks == []


def with_more(planned: PodPlan, *sub_paths: str) -> PodPlan:
    """The plan as a site's module changes it."""
    more = (Mount(path=f"/srv/{path}", volume=SHARE, sub_path=path, read_only=True) for path in sub_paths)
    return replace(planned, mounts=(*planned.mounts, *more))


async def test_at_what_it_does_not_make_the_provisioner_looks() -> None:
    ours, service = directories()
    settings = site(PROVISIONED)
    mounted = tuple(f"software/{number:03}" for number in range(100))
    planned = with_more(plan.make(MARIA, GENERAL, None, settings, TODAY), *mounted)
    await ours.prepare(planned, None, settings, TODAY)
    (look,) = service.looks
    assert (look.name, look.uid, look.others, look.course) == ("maria", MARIA.uid, mounted, None)


async def test_where_nobody_looks_the_gate_is_closed() -> None:
    ours, service = directories()
    with pytest.raises(GateClosed, match="nobody looks whether directories are on the volume"):
        await ours.prepare(plan.make(MARIA, GENERAL, None, site(), TODAY), None, site(), TODAY)
    assert (service.made, service.looks) == (0, [])


@contextmanager
def looking(tmp_path: Path) -> Iterator[tuple[Server, Settings, Directories]]:
    """The real service over an empty share, as the chart runs it where there is no provisioner."""
    (tmp_path / "share").mkdir()
    with server(tmp_path / "looker", tmp_path / "share", look=True).running() as service:
        settings = site(f"{SITE}provisioner: {{url: '{service.url}', timeout: 10, makes: false}}\n")
        yield service, settings, Directories(Provisioner(service.token, LOG))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
async def test_f15_without_a_provisioner_home_course_and_its_gid_are_looked_at_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    course = catalog().courses["python-intro"]
    with looking(tmp_path) as (service, settings, ours):
        planned = with_more(plan.make(MARIA, Profile(Role.STUDENT, course.slug), course, settings, TODAY), "software")
        with pytest.raises(Refused, match="Your home directory does not exist yet"):
            await ours.prepare(planned, course, settings, TODAY)
        assert list(service.root.iterdir()) == []
        for path in (*planned.directories[:-1], course_files(course.slug)):
            (service.root / path).mkdir(parents=True, exist_ok=True)
        os.chown(service.root / planned.directories[0], planned.uid, -1)
        with pytest.raises(Refused, match="directory software does not exist yet"):
            await ours.prepare(planned, course, settings, TODAY)
        (service.root / "software").mkdir()
        await ours.prepare(planned, course, settings, TODAY)
        os.chown(service.root / course_files(course.slug), -1, 70105)
        with pytest.raises(Refused, match="belong to group 70105, not to 70101"):
            await ours.prepare(planned, course, settings, TODAY)


async def test_whether_the_share_and_the_service_answer_is_told_apart(tmp_path: Path) -> None:
    with looking(tmp_path) as (service, settings, ours):
        health = Health(live(settings, catalog()), kept(), ours.provisioner, lambda: None)

        async def told() -> tuple[Any, Any]:
            answer = await health()
            assert answer["provisioner"].items() >= {"url": service.url, "makes": False}.items()
            return answer["share"], answer["provisioner"]["failure"]

        assert await told() == ({"failure": None}, None)
        service.root.rmdir()
        refused = "The file server refused a look at the volume (No such file or directory)."
        assert await told() == ({"failure": refused}, None)
        service.token.write_text("")
        share, failure = await told()
        assert share is None, "nobody knows"
        assert "does not know this hub" in failure
    share, failure = await told()
    assert share is None, "nobody knows"
    assert failure.startswith("The service that looks after directories does not answer")
