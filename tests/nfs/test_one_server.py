"""A home over NFS has one server, whichever nodes its person's pods are on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.config.profiles import Role

from ci.nfs.agent import ROOT
from ci.nfs.machine import Machine
from tests.e2e.cluster import until
from tests.nfs.school import School, school_on
from tests.support import ANNA

TAKE = "import time; from pathlib import Path; from coursehub_home import take; take(Path.home(), 1); "
PYTHON = ("python3", "-s", "-P", "-c")


@pytest.fixture
def school(machine: Machine, storage_host: Path) -> Iterator[School]:
    with school_on(machine, storage_host) as school:
        yield school


# Two versions with sessions are two clients, as two nodes are; of one version they were one, which locks by itself.
VERSIONS = ("4.2", "4.1")


def test_a_second_server_of_a_home_is_refused_on_another_node_until_the_first_has_ended(
    school: School,
) -> None:
    roles = (Role.INSTRUCTOR, Role.STUDENT)
    first, second = (school.pods.start(ANNA, *each) for each in zip(roles, VERSIONS, strict=True))
    running = school.pods.serve(first, *PYTHON, TAKE + "print('taken', flush=True); time.sleep(300)")
    until(lambda: "taken" in school.machine.call(ROOT, first.log.read_text), 60, "the first server", every=0.2)
    code, said = school.pods.run(second, *PYTHON, TAKE)
    assert code == 1
    assert said.splitlines()[-1].startswith("Another server of yours has your home in use")
    school.pods.stop(running)
    until(lambda: school.pods.run(second, *PYTHON, TAKE)[0] == 0, 60, "the home free again", every=0.5)
