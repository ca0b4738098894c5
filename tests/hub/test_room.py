"""Placeholders at a real scheduler: they hold room, give way at once, displace nobody, and none is left.

etcd, API server and scheduler are the real ones; nodes are objects, so nothing runs and no deadline ends anything.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from coursehub.hub.classroom import Classroom
from coursehub.hub.pods import Pods
from coursehub.live.snapshot import Snapshot
from coursehub.servers.manifest import Frame
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api

from tests.control_plane import ControlPlane, running
from tests.support import catalog, site

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOG = logging.getLogger(__name__)
BEGIN = datetime(2026, 10, 19, 7, 15, tzinfo=UTC)
BEFORE = BEGIN - timedelta(minutes=20)
COURSE = "courses: {intro: {name: Intro, classes: [{date: 2026-10-19, from: '10:15', until: '12:00', expected: 6}]}}\n"
# A server asks for 512M, so four of them fill a node.
NUMBERS = count(1)
FULL = {"cpu": "4", "memory": "2Gi"}


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The cluster of these tests."""
    with running(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


class Cluster:
    """A namespace and nodes of one test, and a hub's part that keeps room there."""

    def __init__(self, plane: ControlPlane, client: ApiClient, name: str) -> None:
        self.plane = plane
        self.client = client
        self.name = name
        self.now = BEFORE

    def classroom(self) -> Classroom:
        """That of a hub that has just begun."""
        snapshot = Snapshot(site(), catalog(COURSE), ())
        frame = Frame("claim", self.name, node_selector={"for": self.name})
        return Classroom(
            lambda: snapshot, frame, Pods(lambda: CoreV1Api(self.client), self.name), LOG, lambda: self.now
        )

    def node(self, number: int) -> None:
        """One more, of this test alone."""
        name = f"{self.name}-{number}"
        self.plane.node(name, **FULL)
        labels = {"metadata": {"labels": {"for": self.name}}}
        self.plane.ask("PATCH", f"/api/v1/nodes/{name}", labels, kind="application/merge-patch+json")

    def server(self, name: str, course: str = "intro") -> None:
        """Somebody's server is asked for."""
        resources = {"requests": {"cpu": "100m", "memory": "512Mi"}}
        pod = {
            "metadata": {"name": name, "labels": {"coursehub/course": course, "coursehub/role": "student"}},
            "spec": {
                "nodeSelector": {"for": self.name},
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "notebook", "image": "x", "resources": resources}],
            },
        }
        self.plane.ask("POST", f"/api/v1/namespaces/{self.name}/pods", pod)

    async def started(self, classroom: Classroom, name: str) -> None:
        """Somebody's server is asked for as the hub does it, and their start has ended."""
        start = asyncio.get_running_loop().create_future()
        await classroom.give_way("intro", name, start)
        await asyncio.to_thread(self.server, name)
        start.set_result(None)

    def placed(self, role: str) -> int:
        """How many pods of the role are on a node."""
        return sum(1 for pod in self.pods(role) if pod["spec"].get("nodeName"))

    def pods(self, role: str) -> list[dict[str, Any]]:
        """Those of the role."""
        return [pod for pod in self.plane.pods(self.name) if pod["metadata"]["labels"]["coursehub/role"] == role]

    def state(self) -> str:
        """All pods, as a failed test shows them."""
        return "\n".join(
            f"{pod['metadata']['name']} {pod['spec'].get('nodeName')} {pod['status']}"
            for pod in self.plane.pods(self.name)
        )

    async def until(self, seen: Callable[[], bool]) -> float:
        """The seconds after which it is so."""
        began = time.monotonic()
        while not await asyncio.to_thread(seen):
            assert time.monotonic() - began < 30, self.state()
            await asyncio.sleep(0.02)
        return time.monotonic() - began


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    """One node that takes four servers; placeholders have their class of priority, as the chart makes it."""
    name = f"room-{next(NUMBERS)}"
    plane.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    priority = {"metadata": {"name": f"{name}-coursehub-classes"}, "value": -10, "preemptionPolicy": "Never"}
    plane.ask("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", priority)
    configuration = Configuration(host=plane.url)
    configuration.ssl_ca_cert = str(plane.authority)
    configuration.api_key = {"BearerToken": f"Bearer {plane.token}"}
    async with ApiClient(configuration) as client:
        cluster = Cluster(plane, client, name)
        cluster.node(1)
        yield cluster


async def test_they_hold_room_and_nodes_that_arrive_late_fill_up(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    assert await classroom.look()
    await cluster.until(lambda: cluster.placed("placeholder") == 4)
    assert len(cluster.pods("placeholder")) == 6
    cluster.node(2)
    await cluster.until(lambda: cluster.placed("placeholder") == 6)
    assert await classroom.look()
    assert len(cluster.pods("placeholder")) == 6


async def test_servers_that_nobody_knew_of_take_their_places_and_are_never_displaced(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    assert await classroom.look()
    await cluster.until(lambda: cluster.placed("placeholder") == 4)
    names = ("maria", "jonas", "anna", "peter")
    await asyncio.gather(*(asyncio.to_thread(cluster.server, name, "biology") for name in names))
    end = time.monotonic() + 30
    while cluster.placed("student") < 4:
        assert time.monotonic() < end, cluster.state()
        assert await classroom.look()
        await asyncio.sleep(0.1)
    assert await classroom.look()
    # The scheduler has had its say on those that wait.
    await cluster.until(
        lambda: all(
            any(each.get("reason") == "Unschedulable" for each in pod["status"].get("conditions", ()))
            for pod in cluster.pods("placeholder")
        )
    )
    assert cluster.placed("student") == 4


async def test_whoever_start_in_one_moment_all_have_room_at_once_each_in_the_place_of_one(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    names = ("maria", "jonas", "anna", "peter")
    for _ in range(5):
        cluster.now = BEFORE
        assert await classroom.look()
        await cluster.until(lambda: cluster.placed("placeholder") == 4)
        cluster.now = BEGIN
        assert await classroom.look()
        await asyncio.gather(*(cluster.started(classroom, name) for name in names))
        took = await cluster.until(lambda: cluster.placed("student") == 4)
        LOG.info("four servers were placed on a full node after %.2f s", took)
        assert cluster.pods("placeholder") == []
        for name in names:
            cluster.plane.ask("DELETE", f"/api/v1/namespaces/{cluster.name}/pods/{name}")


async def test_near_the_begin_there_are_those_that_have_room_and_no_others_come(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    assert await classroom.look()
    await cluster.until(lambda: cluster.placed("placeholder") == 4)
    assert len(cluster.pods("placeholder")) == 6
    cluster.now = BEGIN - timedelta(minutes=5)
    for _ in range(2):
        assert await classroom.look()
        assert len(cluster.pods("placeholder")) == 4


async def test_while_servers_are_on_their_way_nobody_takes_their_place(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    assert await classroom.look()
    await cluster.until(lambda: cluster.placed("placeholder") == 4)
    assert await classroom.look()
    start = asyncio.get_running_loop().create_future()
    await classroom.give_way("intro", "maria", start)
    assert await classroom.look()
    assert len(cluster.pods("placeholder")) == 5
    start.set_result(None)
    await asyncio.sleep(0)
    assert await classroom.look()
    assert len(cluster.pods("placeholder")) == 6


async def test_one_that_is_gone_already_is_not_taken_for_room(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    assert await classroom.look()
    await cluster.until(lambda: cluster.placed("placeholder") == 4)
    assert await classroom.look()
    placed = [pod["metadata"]["name"] for pod in cluster.pods("placeholder") if pod["spec"].get("nodeName")]
    for name in placed[1:]:
        cluster.plane.ask("DELETE", f"/api/v1/namespaces/{cluster.name}/pods/{name}")
    await cluster.started(classroom, "maria")
    assert placed[0] not in [pod["metadata"]["name"] for pod in cluster.pods("placeholder")]


async def test_nothing_is_left_after_the_time_and_outside_of_it_nothing_is_made(cluster: Cluster) -> None:
    classroom = cluster.classroom()
    cluster.now = BEGIN - timedelta(minutes=31)
    assert await classroom.look()
    assert cluster.pods("placeholder") == []
    cluster.now = BEFORE
    assert await classroom.look()
    assert len(cluster.pods("placeholder")) == 6
    cluster.now = BEGIN + timedelta(minutes=16)
    assert await classroom.look()
    assert cluster.pods("placeholder") == []


async def test_a_hub_that_restarts_takes_them_over(cluster: Cluster) -> None:
    assert await cluster.classroom().look()
    names = {pod["metadata"]["name"] for pod in cluster.pods("placeholder")}
    again = cluster.classroom()
    assert await again.look()
    assert {pod["metadata"]["name"] for pod in cluster.pods("placeholder")} == names
    cluster.now = BEGIN + timedelta(hours=3)
    assert await cluster.classroom().look()
    assert cluster.pods("placeholder") == []


async def test_without_their_class_of_priority_there_are_none_and_it_is_said_once(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.plane.ask("DELETE", f"/apis/scheduling.k8s.io/v1/priorityclasses/{cluster.name}-coursehub-classes")
    classroom = cluster.classroom()

    async def refused() -> bool:
        return not await classroom.look()

    # The API server's own memory of it lasts for a moment.
    while not await refused():
        for pod in cluster.pods("placeholder"):
            cluster.plane.ask("DELETE", f"/api/v1/namespaces/{cluster.name}/pods/{pod['metadata']['name']}")
    assert await refused()
    assert cluster.pods("placeholder") == []
    said = [record.message for record in caplog.records if "no placeholders" in record.message]
    assert len(said) == 1
    assert "no PriorityClass with name" in said[0]
