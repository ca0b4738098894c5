"""A virtual machine with the volume, booted once a session, and a fresh folder of the volume for each test."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cachetools
import click
import pytest
from coursehub.config.profiles import Profile, Role
from coursehub.layout import TreeEntry
from coursehub.person import Person
from coursehub.servers import access, plan
from coursehub.servers.plan import PodPlan

from ci.cluster.problem import Problem
from ci.cluster.steps import step
from ci.images.image import IMAGES
from ci.nfs import disk, image, pod, server
from ci.nfs.agent import ROOT, Identity
from ci.nfs.machine import Machine, boot
from tests.nfs import door, hub, inside
from tests.support import TODAY, catalog, site

REPOSITORY = Path(__file__).resolve().parents[2]
CARRIED = {
    "ci/nfs": REPOSITORY / "ci/nfs",
    "coursehub": REPOSITORY / "hooks/coursehub",
    "tests/nfs/door.py": Path(door.__file__),
    "tests/nfs/hub.py": Path(hub.__file__),
    "tests/nfs/inside.py": Path(inside.__file__),
    # At the versions that are locked, which Debian's are not.
    "cachetools": Path(cachetools.__file__).parent,
    "click": Path(click.__file__).parent,
}
WORKER = (REPOSITORY / "tests/nfs/worker.py").read_text()
FOLDERS = count(1)
HUB = Identity(1000, 1000)


def planned_for(person: Person, role: Role, course: str) -> PodPlan:
    """What the hub would start."""
    profile = Profile(role, course)
    return plan.make(person, profile, access.decide(person, profile, catalog(), TODAY), site(), TODAY)


def session(person: Person, role: Role, course: str) -> Identity:
    """As whom a person's server runs: the plan's uid, gid, groups and umask."""
    planned = planned_for(person, role, course)
    umask = int(planned.environment["COURSEHUB_UMASK"], 8)
    return Identity(planned.uid, planned.gid, planned.supplementary_gids, umask)


@dataclass(frozen=True)
class Volume:
    """One folder of the exported volume: where the storage host has it, and where clients do."""

    machine: Machine
    host: Path
    client: Path

    def provision(self, *tree: TreeEntry) -> list[str]:
        """What the storage host says while it makes the directories."""
        return self.machine.call(ROOT, inside.provision, self.host, tree)


@pytest.fixture(scope="session")
def machine(pytestconfig: pytest.Config) -> Iterator[Machine]:
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with ExitStack() as running:
        with capture.global_and_fixture_disabled():
            print()
            try:
                root_disk = disk.ensure()
                singleuser = image.ensure(IMAGES["singleuser"])
                with step("a virtual machine boots"):
                    machine = running.enter_context(boot(root_disk, CARRIED, [singleuser]))
                with step("its NFS server and clients"):
                    machine.call(ROOT, server.start)
                machine.call(ROOT, pod.start)
                machine.call(ROOT, inside.start_nbgrader, WORKER)
            except Problem as problem:
                pytest.exit(str(problem), returncode=1)
        yield machine


@pytest.fixture(params=server.VERSIONS, ids=lambda version: f"NFS {version}")
def volume(request: pytest.FixtureRequest, machine: Machine, storage_host: Path) -> Volume:
    return Volume(machine, storage_host, server.client(request.param) / storage_host.name)


@pytest.fixture
def storage_host(machine: Machine) -> Iterator[Path]:
    """A folder of the volume, as the storage host has it."""
    folder = server.EXPORT / str(next(FOLDERS))
    machine.call(ROOT, folder.mkdir)
    yield folder
    # Quotas are the whole file system's.
    machine.call(ROOT, shutil.rmtree, folder)
