"""Two nodes: servers on both, one drained, one lost without a word while what it ran goes on."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from ci.cluster import cgroup, images, link, network, nodes
from ci.cluster.layout import Layout
from ci.cluster.node import LOST_AFTER
from ci.images.image import IMAGES
from tests.e2e.cluster import CHART, ROOT, Installation, until
from tests.e2e.person import Person, said

from .command import run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the local cluster needs root")

FIRST, SECOND = (nodes.node(Layout.from_environment(), number, parts=2) for number in nodes.NUMBERS)
SITE = yaml.safe_load((ROOT / "values/local.yaml").read_text())
# Seconds, as docs/admins/nodes.md has them: Kubernetes notices and gives up, the pod has its time to end, the hub waits
# for a word about that, and looks again.
GRACE = 30
LOOKS = SITE["jupyterhub"]["hub"]["config"]["KubeSpawner"]["poll_interval"]
GIVEN_UP = LOST_AFTER + SITE["servers"]["nodeTimeout"] + GRACE + 15 + LOOKS
(WAITS,) = {each["tolerationSeconds"] for each in SITE["jupyterhub"]["hub"]["tolerations"]}
# What a busy machine of two cores adds to that, which starts a hub meanwhile.
BUSY = 45
IN_USE = "Another server of yours has your home in use"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The hub on two nodes; on one again afterwards. Whichever of upstream's chart and the stand-in is there stays."""
    before = nodes.present(Layout.from_environment())
    upstream = tmp_path_factory.mktemp("chart") / "jupyterhub"
    shutil.copytree(CHART / "charts/jupyterhub", upstream)

    def up(number: int) -> None:
        done = run("up", module="ci.deploy", NODES=str(number), Z2JH_CHART=str(upstream))
        assert done.returncode == 0, done.stdout + done.stderr

    up(2)
    yield Installation.here()
    up(len(before))
    if len(before) == 1:
        assert nodes.present(Layout.from_environment()) == before
        assert not link.exists(SECOND)
        assert not cgroup.pids(SECOND.group)


@pytest.fixture(autouse=True)
def both_are_well(installation: Installation) -> Iterator[None]:
    """Each drill begins and ends with two nodes that take pods, and without servers."""
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    yield
    for node in (FIRST, SECOND):
        installation.kubectl("uncordon", node.name)
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    for name in ("emma", "jonas"):
        Person(installation.url, name, installation.password).stop()


@contextmanager
def only(installation: Installation, node: nodes.Node) -> Iterator[None]:
    """New pods come to this node."""
    (other,) = {FIRST, SECOND} - {node}
    installation.kubectl("cordon", other.name)
    try:
        yield
    finally:
        installation.kubectl("uncordon", other.name)


def started(installation: Installation, name: str, node: nodes.Node) -> Person:
    """Somebody whose server runs on the node."""
    person = Person(installation.url, name, installation.password)
    person.stop()
    with only(installation, node):
        person.start("python-intro")
    assert where(pod(installation, name)) == node.name
    return person


def pod(installation: Installation, name: str) -> dict[str, Any]:
    """The pod of somebody's server."""
    found = installation.pod_of(name)
    assert found is not None, f"{name} has no server"
    return found


def where(pod: dict[str, Any]) -> str:
    """The pod's node."""
    return str(pod["spec"]["nodeName"])


def core(installation: Installation, part: str) -> dict[str, Any]:
    """The pod of hub or proxy."""
    (found,) = installation.pods(f"component={part}")
    return found


def gather(installation: Installation, node: nodes.Node, *parts: str) -> None:
    """These of hub and proxy run on the node."""
    with only(installation, node):
        for part in parts:
            if where(core(installation, part)) != node.name:
                installation.kubectl("delete", "pod", "--selector", f"component={part}")
                installation.kubectl("rollout", "status", f"deployment/{part}", "--timeout=120s")
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    assert {where(core(installation, part)) for part in parts} == {node.name}


def listen(socket: ClientConnection) -> None:
    """Hears what comes, until the connection ends."""
    while True:
        socket.recv(timeout=60)


def test_each_node_has_the_images_a_share_of_the_machine_and_servers_with_everybodys_files(
    installation: Installation,
) -> None:
    used = {image.ref for image in IMAGES.values()} | {images.reference(name) for name in images.OWN}
    for node in (FIRST, SECOND):
        assert used <= images.present(node)
    listed = json.loads(installation.kubectl("get", "nodes", "--output", "json"))["items"]
    offered = {each["metadata"]["name"]: each["status"]["allocatable"]["cpu"] for each in listed}
    half = f"{(os.cpu_count() or 1) * 500}m"
    assert {name: cpu if cpu.endswith("m") else f"{int(cpu) * 1000}m" for name, cpu in offered.items()} == {
        FIRST.name: half,
        SECOND.name: half,
    }
    emma, jonas = started(installation, "emma", FIRST), started(installation, "jonas", SECOND)
    for person, node in ((emma, FIRST), (jonas, SECOND)):
        assert ip_address(pod(installation, person.name)["status"]["podIP"]) in ip_network(node.pods)
        assert person.terminal(f"echo {node.name} > ~/here; id -un") == person.name
        assert ip_address(person.terminal("getent hosts hub | cut -d' ' -f1")) in ip_network(network.SERVICES)
    # The same tree from either node.
    assert {path.read_text().strip() for path in installation.share.glob("home/*/*/here")} == {FIRST.name, SECOND.name}


def test_a_drained_node_gives_hub_and_proxy_to_the_other_whose_servers_notice_nothing(
    installation: Installation,
) -> None:
    gather(installation, SECOND, "hub", "proxy")
    emma, jonas = started(installation, "emma", FIRST), started(installation, "jonas", SECOND)
    kernel = emma.kernel()
    assert kernel.run("kept = 41") == ""
    before, hub = pod(installation, "emma"), installation.hub()
    with kernel.channel() as socket:
        leave = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=90s")
        installation.kubectl("drain", SECOND.name, *leave)
        with pytest.raises(ConnectionClosed):
            listen(socket)
    until(lambda: installation.hub_is_ready_after(hub), 120, "the hub on the other node")
    assert {where(core(installation, part)) for part in ("hub", "proxy")} == {FIRST.name}
    until(emma.reaches_server, 30, "the way to a server through the moved proxy", every=0.2)
    assert until(lambda: kernel.printed("print(kept + 1)"), 60, "the kernel's websocket") == "42\n"
    now = pod(installation, "emma")
    assert now["metadata"]["uid"] == before["metadata"]["uid"], "the server on the other node was replaced"
    assert [each["restartCount"] for each in now["status"]["containerStatuses"]] == [0]
    # Whose server was on the drained node starts it again, on the other.
    until(lambda: jonas.model() is None, 60, "the hub sees that the drained server ended")
    jonas.start("python-intro")
    assert where(pod(installation, "jonas")) == FIRST.name


@pytest.fixture
def lost(installation: Installation) -> Iterator[float]:
    """The second node, cut off from everybody and running on, since this moment; there again afterwards."""
    subprocess.run(["ip", "link", "set", link.device(SECOND), "down"], check=True)
    yield time.monotonic()
    done = run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    ready = ("wait", "--for=condition=Ready", f"node/{SECOND.name}", "--timeout=60s")
    installation.kubectl(*ready)


def the_servers_processes(name: str) -> set[int]:
    """Those on the second node of somebody's server."""
    found = set()
    for pid in cgroup.pids(*SECOND.groups):
        with suppress(OSError):
            if f"JUPYTERHUB_USER={name}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


@pytest.fixture
def both(installation: Installation) -> tuple[Person, Person]:
    """Somebody on each node; the hub is on the second, the proxy on the first."""
    gather(installation, FIRST, "proxy")
    gather(installation, SECOND, "hub")
    return started(installation, "emma", FIRST), started(installation, "jonas", SECOND)


def test_of_a_node_that_is_lost_without_a_word_people_start_again_elsewhere_and_no_home_has_two_servers(
    installation: Installation, both: tuple[Person, Person], lost: float
) -> None:
    emma, jonas = both
    elsewhere, hub = pod(installation, "emma"), installation.hub()
    until(lambda: installation.hub_is_ready_after(hub), LOST_AFTER + WAITS + BUSY, "a hub with the database, elsewhere")
    assert where(core(installation, "hub")) == FIRST.name
    left = lost + GIVEN_UP + BUSY - time.monotonic()
    until(lambda: jonas.model() is None, left, "the hub sees that the server is lost")
    assert "The machine that your server was on does not answer any more." in said(jonas.client.get("/hub/courses"))
    assert json.loads(installation.coursehub("logs", "jonas", "--json"))["failures"][0]["reason"] == "node"

    # Only cut off: the server runs on and has its home, so there is no second one.
    assert the_servers_processes("jonas"), "nothing runs on, so this shows less than it should"
    jonas.choose("python-intro")
    ended = jonas.progress()
    assert ended.get("failed"), ended
    assert IN_USE in ended["message"]
    assert the_servers_processes("jonas")

    # Dead at last.
    cgroup.kill(*SECOND.groups)
    jonas.start("python-intro")
    assert where(pod(installation, "jonas")) == FIRST.name
    assert jonas.terminal("id -un") == "jonas"
    assert emma.reaches_server()
    assert pod(installation, "emma")["metadata"]["uid"] == elsewhere["metadata"]["uid"], "another's server was touched"
