"""A server that fails: the person reads why within seconds, and an admin after its pod is gone."""

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest

from tests.hub.conftest import Hub, until
from tests.hub.failing import POD, asked, counted, ended, starting, waits

pytestmark = pytest.mark.asyncio(loop_scope="session")


def events_of(hub: Hub) -> list[dict[str, Any]]:
    """What the hub has heard of Maria's pod, and not of an earlier one."""
    uid = hub.kubernetes.pods[POD]["metadata"]["uid"]
    heard = hub.app.users["maria"].spawner.event_reflector.resources.values()
    return [event for event in heard if event["involvedObject"]["uid"] == uid]


STARTS = {
    "an image that is not there": (
        waits("ErrImagePull", 'failed to resolve reference "registry.example/r:1": registry.example/r:1: not found'),
        "image",
        "The image of your server is not there, or may not be fetched. Please tell your teacher.",
    ),
    "an image that the node does not have": (
        waits("ErrImageNeverPull", 'Container image "r:1" is not present with pull policy of Never'),
        "image",
        "The image of your server is not there",
    ),
    "a folder that cannot be mounted": (
        waits(
            "CreateContainerConfigError", 'failed to prepare subPath for volumeMount "share" of container "notebook"'
        ),
        "volume",
        "The storage with your files cannot be connected to your server.",
    ),
    "too little memory to start": (
        ended("OOMKilled", 137),
        "memory",
        "Your server used more memory than the 2G of this course, and was ended.",
    ),
    "a container that exits at once": (
        ended("Error", 1, "Traceback (most recent call last):\n\x1b[31mImportError: no <b>x</b>\x1b[0m\n"),
        "exited",
        "Your server ended by itself (exit code 1). The last that it said: ImportError: no <b>x</b>",
    ),
    "an image without our start": (
        ended("StartError", 128, 'exec: "coursehub-start": executable file not found in $PATH'),
        "configuration",
        "The image of your server cannot be run here.",
    ),
    "an eviction": (
        {"phase": "Failed", "podIP": None, "reason": "Evicted", "message": "The node was low on resource: memory."},
        "evicted",
        "The machine that your server ran on ran short of memory or disk",
    ),
}


@pytest.mark.parametrize(
    ("status", "reason", "sentence"), [pytest.param(*row, id=name) for name, row in STARTS.items()]
)
async def test_a_start_that_cannot_succeed_ends_within_seconds_with_a_sentence_and_a_record(
    hub: Hub, status: dict[str, Any], reason: str, sentence: str
) -> None:
    maria = await hub.login("maria")
    before = await counted(hub, "coursehub_spawn_failures", reason)
    await starting(hub)
    began = time.monotonic()
    hub.kubernetes.happens(POD, "Scheduled", "Successfully assigned courses/jupyter-maria to node-1", "Normal")
    await until(lambda: events_of(hub), "an event")
    hub.kubernetes.becomes(POD, **status)
    assert sentence in await hub.outcome("maria")
    assert time.monotonic() - began < 20
    assert not hub.kubernetes.pods
    assert sentence in (await maria.page("spawn-pending/maria")).text
    assert "<b>x</b>" not in (await maria.get("spawn-pending/maria")).text
    assert sentence in (await maria.page("courses")).text

    said = await asked(hub)
    assert said["pod"] is None
    (newest, *_) = said["failures"]
    assert (newest["user"], newest["stage"], newest["reason"]) == ("maria", "start", reason)
    assert (newest["course"], newest["role"]) == ("data-analysis", "student")
    assert newest["sentence"].startswith(sentence[:40])
    assert any("Normal Scheduled: Successfully assigned" in line for line in newest["events"])
    assert await counted(hub, "coursehub_spawn_failures", reason) == before + 1

    hub.kubernetes.phase = "Running"
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    await hub.stop("maria")
    assert sentence not in (await maria.page("courses")).text, "a start that went well still shows the old failure"
    assert (await asked(hub))["failures"] == said["failures"], "stopping a server counted as a failure"


async def test_a_volume_that_does_not_mount_ends_the_start_and_one_that_is_only_slow_does_not(hub: Hub) -> None:
    await starting(hub)
    hub.kubernetes.becomes(POD, **waits("ContainerCreating"))
    hub.kubernetes.happens(POD, "FailedMount", 'MountVolume.SetUp failed for volume "kube-api": not registered')
    await asyncio.sleep(3)
    assert POD in hub.kubernetes.pods, "a passing word of kubelet ended the start"
    hub.kubernetes.happens(POD, "Pulled", "Container image already present on machine", "Normal")
    hub.kubernetes.run()
    assert await hub.outcome("maria") == "ready"
    await hub.stop("maria")

    await starting(hub)
    began = time.monotonic()
    hub.kubernetes.becomes(POD, **waits("ContainerCreating"))
    hub.kubernetes.happens(POD, "FailedMount", "MountVolume.SetUp failed: /srv/share is not a directory")
    assert "The storage with your files cannot be connected" in await hub.outcome("maria")
    assert time.monotonic() - began < 20
    assert (await asked(hub))["failures"][0]["detail"] == "MountVolume.SetUp failed: /srv/share is not a directory"


def on_the_page(hub: Hub) -> tuple[list[str], asyncio.Task[None]]:
    """What maria's progress page has said so far, and the task that reads it to its end."""
    said: list[str] = []

    async def listen() -> None:
        async for event in hub.progress("maria"):
            said.append(event["message"])

    return said, asyncio.create_task(listen())


NO_ROOM = "There is no room for your server on the machines. It waits, and starts as soon as there is."


async def test_no_room_and_pulling_are_shown_while_the_start_goes_on(hub: Hub) -> None:
    await starting(hub)
    said, listening = on_the_page(hub)
    unscheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }
    hub.kubernetes.becomes(POD, phase="Pending", conditions=[unscheduled])
    await until(lambda: NO_ROOM in said, "the want of room on the page")
    now = (await asked(hub))["pod"]
    assert now["trouble"] == "There is no room for your server on the machines."
    assert now["detail"] == "0/3 nodes are available: 3 Insufficient memory."
    hub.kubernetes.becomes(POD, **waits("ContainerCreating"))
    hub.kubernetes.happens(POD, "Pulling", 'Pulling image "registry.example/r:1"', "Normal")
    fetched = re.compile(r"The image of your server is being fetched to its machine, since \d\d:\d\d:")
    await until(lambda: any(fetched.match(each) for each in said), "the fetched image on the page")
    await until(lambda: any("[Normal] Pulling image" in each for each in said), "KubeSpawner's own words")
    hub.kubernetes.run()
    await listening
    assert said[-1].startswith("Server ready")


async def test_why_a_start_waits_stays_on_the_page_however_long_it_takes(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KubeSpawner 7.1 asks for patience after a minute, every five seconds, in the place of the reason."""
    hours = SimpleNamespace(perf_counter=lambda: 10_000 * time.perf_counter())
    monkeypatch.setattr("kubespawner.spawner.time", hours, raising=False)
    await starting(hub)
    said, listening = on_the_page(hub)
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    hub.kubernetes.becomes(POD, phase="Pending", conditions=[unscheduled])
    await until(lambda: NO_ROOM in said, "the want of room on the page")
    hub.kubernetes.happens(POD, "FailedScheduling", "0/3 nodes")
    await until(lambda: any("FailedScheduling" in each or "0/3 nodes" in each for each in said), "KubeSpawner's turn")
    hub.kubernetes.run()
    await listening
    assert not [each for each in said if "atien" in each]


async def test_a_start_without_room_until_its_time_is_over_says_that_and_not_a_number_of_seconds(hub: Hub) -> None:
    hub.app.config.KubeSpawner.start_timeout = 10
    hub.app.users["maria"].spawners.pop("", None)
    try:
        await starting(hub)
        unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
        hub.kubernetes.becomes(POD, phase="Pending", conditions=[unscheduled])
        said = await hub.outcome("maria")
    finally:
        del hub.app.config.KubeSpawner["start_timeout"]
        hub.app.users["maria"].spawners.pop("", None)
    assert "no room for your server on the machines. That took too long; please start it again later." in said


async def test_a_server_that_runs_out_of_memory_later_is_explained_when_its_person_comes_back(hub: Hub) -> None:
    maria = await hub.login("maria")
    before = await counted(hub, "coursehub_server_failures", "memory")
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    hub.kubernetes.becomes(POD, **ended("OOMKilled", 137, "[I 2026-10-01 ServerApp] Kernel started\n"))
    spawner = hub.app.users["maria"].spawner
    await until(lambda: spawner.pod_reflector.pods[f"courses/{POD}"]["status"]["phase"] == "Failed", "the failure seen")
    await spawner.poll_and_notify()
    await until(lambda: not hub.app.users["maria"].spawner.active, "the server given up")
    assert not hub.kubernetes.pods

    sentence = "Your server used more memory than the 2G of this course, and was ended."
    page = await maria.get("../user/maria/lab")
    assert sentence in page.text
    assert "Your server is not running" in page.text
    assert sentence in (await maria.page("courses")).text
    (newest, *_) = (await asked(hub))["failures"]
    assert (newest["stage"], newest["reason"], newest["exit_code"]) == ("running", "memory", 137)
    assert newest["lines"] == ["[I 2026-10-01 ServerApp] Kernel started"]
    assert await counted(hub, "coursehub_server_failures", "memory") == before + 1


LOST = "The machine that your server was on does not answer any more. What you saved is there"


async def test_a_server_on_a_lost_node_counts_as_ended_and_its_person_starts_another(hub: Hub) -> None:
    maria = await hub.login("maria")
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    hub.kubernetes.loses(POD)
    spawner = hub.app.users["maria"].spawner
    assert await spawner.poll() is None
    hub.kubernetes.gives_up(POD)
    await until(lambda: spawner.recorder.is_lost(spawner), "the loss seen")
    await spawner.poll_and_notify()
    await until(lambda: not hub.app.users["maria"].spawner.active, "the server given up")
    assert not hub.kubernetes.pods
    assert LOST in (await maria.page("courses")).text
    (newest, *_) = (await asked(hub))["failures"]
    assert (newest["stage"], newest["reason"]) == ("running", "node")
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"


async def test_who_stops_a_server_on_a_node_that_does_not_answer_is_done_when_kubernetes_gives_the_node_up(
    hub: Hub,
) -> None:
    await hub.login("maria")
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    hub.kubernetes.loses(POD)
    spawner = hub.app.users["maria"].spawner
    await hub.rest("maria", "DELETE", "users/maria/server")
    await until(lambda: spawner.pending == "stop", "the stop under way")
    assert POD in hub.kubernetes.pods
    hub.kubernetes.gives_up(POD)
    await until(lambda: not hub.app.users["maria"].spawner.active, "the server stopped")
    assert not hub.kubernetes.pods


async def test_a_start_on_a_node_that_is_lost_meanwhile_ends_with_a_sentence(hub: Hub) -> None:
    await starting(hub)
    hub.kubernetes.loses(POD)
    hub.kubernetes.gives_up(POD)
    assert LOST in await hub.outcome("maria")
    assert not hub.kubernetes.pods


async def test_a_server_that_its_person_shuts_down_is_no_failure(hub: Hub) -> None:
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    before = (await asked(hub))["failures"]
    hub.kubernetes.becomes(POD, **ended("Completed", 0))
    spawner = hub.app.users["maria"].spawner
    await until(lambda: spawner.pod_reflector.pods[f"courses/{POD}"]["status"]["phase"] == "Failed", "the failure seen")
    await spawner.poll_and_notify()
    await until(lambda: not hub.app.users["maria"].spawner.active, "the server given up")
    assert (await asked(hub))["failures"] == before


async def test_a_pod_that_somebody_deletes_while_it_starts_ends_the_start(hub: Hub) -> None:
    await starting(hub)
    readiness = hub.app.users["maria"].spawner.after_pod_created_hook.__self__._readiness
    await until(lambda: readiness._starting, "the hub's wait for the pod")
    pod = hub.kubernetes.pods.pop(POD)
    hub.kubernetes._tell("DELETED", pod)
    assert "Your server was taken away while it started." in await hub.outcome("maria")


async def test_the_log_of_a_server_that_runs_is_kubernetes_matter_and_the_hub_says_where_it_is(hub: Hub) -> None:
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    pod = (await asked(hub))["pod"]
    assert pod == {"name": POD, "namespace": "courses", "phase": "Running", "trouble": None, "detail": None}


@pytest.mark.parametrize("user", ["nobody-known", "../../etc/passwd", "Maria", ""])
async def test_of_somebody_unknown_nothing_is_known(hub: Hub, user: str) -> None:
    assert await asked(hub, user) == {"user": user, "pod": None, "failures": []}
