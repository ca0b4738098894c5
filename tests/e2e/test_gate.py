"""What a site's own code does to a pod behind the plan's back is refused by the running hub."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .cluster import COURSES, Installation, until
from .person import Person

BEND = """
def share_the_host(spawner, pod):
    if spawner.user.name == "emma":
        pod.spec.host_network = True
    return pod

def read_a_secret(spawner):
    if spawner.user.name == "jonas":
        spawner.volumes = {"hub": {"name": "hub", "secret": {"secretName": "hub"}}}
        spawner.volume_mounts = {"hub": {"name": "hub", "mountPath": "/hub"}}
        spawner.uid = 0

c.KubeSpawner.modify_pod_hook = share_the_host
c.KubeSpawner.pre_spawn_hook = read_a_secret
"""


@pytest.fixture
def bent_site(installation: Installation, tmp_path: Path) -> Iterator[None]:
    """The hub with hooks of the site that bend the servers of emma and jonas."""
    before = installation.hub()
    values = tmp_path / "bend.json"
    values.write_text(json.dumps({"jupyterhub": {"hub": {"extraConfig": {"site": BEND}}}}))
    installation.helm(COURSES, "--values", str(values))
    until(lambda: installation.hub_is_ready_after(before), 90, "the bent hub")
    yield
    installation.helm(COURSES)
    until(installation.hub_is_ready, 90, "the hub as before")


@pytest.mark.usefixtures("bent_site")
def test_a_sites_hook_cannot_bend_a_pod(log_in: Callable[[str], Person], installation: Installation) -> None:
    """Y11, Y12: what comes after the plan is refused, what comes before it is overruled."""
    emma = log_in("emma")
    emma.choose("general")
    assert "Your server was not started, because the site's configuration" in str(emma.progress())
    assert installation.pod_of("emma") is None
    assert "spec.hostNetwork is set" in installation.kubectl("logs", "deployment/hub")

    jonas = log_in("jonas")
    jonas.start("general")
    assert jonas.terminal("id -u; ls -d /hub 2>/dev/null") == "20002"
