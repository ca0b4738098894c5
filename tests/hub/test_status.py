"""What a running hub says of itself and of what it depends on, to `coursehub status`."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import jupyterhub
import kubespawner
import pytest
from coursehub.cli import status
from coursehub.hub.admin import socket
from coursehub.hub.metrics import certificate
from coursehub.version import VERSION
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily

from tests.hub.conftest import HOST, LOOKER, LOOKER_PORT, SITE, Hub
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def said(hub: Hub) -> dict[str, Any]:
    """The answer that comes through the door."""
    reply = json.loads(await asyncio.to_thread(socket.ask, json.dumps({"ask": "status"}), hub.folder / "door"))
    answer: dict[str, Any] = reply["answer"]
    return answer


async def test_of_a_hub_that_is_well_each_part_is_told(hub: Hub) -> None:
    assert await hub.start("maria") == "ready"
    answer = await said(hub)
    assert answer["versions"] == {
        "jupyterhub": jupyterhub.__version__,
        "kubespawner": kubespawner.__version__,
        "package": VERSION,
    }
    assert answer["courses"]["live"] == 4
    assert answer["courses"]["problems"] == []
    assert answer["servers"] == {"ready": 1, "pending": 0}
    assert answer["certificate"] is None
    assert answer["provisioner"] == {"url": f"http://127.0.0.1:{LOOKER_PORT}", "makes": False, "failure": None}
    assert answer["share"] == {"failure": None}
    assert answer["unrouted"] == []


async def test_a_server_without_a_route_is_named(hub: Hub) -> None:
    assert await hub.start("maria") == "ready"
    hub.app.proxy.routes.pop(f"maria.{HOST}/user/maria/")
    assert (await said(hub))["unrouted"] == [f"maria.{HOST}/user/maria/"]


async def test_a_proxy_that_does_not_answer_is_no_traceback(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(hub.app.proxy, "get_all_routes", away)
    assert (await said(hub))["unrouted"] == "the proxy does not say (ConnectionRefusedError)"


async def test_mistakes_in_a_course_file_and_a_provisioner_that_is_away_are_said(hub: Hub) -> None:
    async with hub.values(f"{SITE.removeprefix(LOOKER)}provisioner: {{url: http://127.0.0.1:9, timeout: 10}}\n"):
        await hub.write_courses(COURSES[: COURSES.index("  statistics-lab")] + "  statistics-lab: {")
        answer = await said(hub)
    assert len(answer["courses"]["problems"]) == 1
    assert answer["courses"]["problems"][0].startswith("main.yaml:")
    assert answer["provisioner"]["url"] == "http://127.0.0.1:9"
    assert answer["provisioner"]["failure"].startswith("The service that looks after directories does not answer")


async def test_the_end_of_the_certificate_is_taken_from_the_metric(hub: Hub) -> None:
    class Expiry:
        def collect(self) -> list[GaugeMetricFamily]:
            return [GaugeMetricFamily(certificate.NAME, "When it ends.", value=1.8e9)]

    REGISTRY.register(expiry := Expiry())
    try:
        assert (await said(hub))["certificate"] == 1.8e9
    finally:
        REGISTRY.unregister(expiry)


async def test_each_answer_of_the_hub_comes_to_lines(hub: Hub) -> None:
    lines = list(status.of_hub("teaching", await said(hub), "coursehub-0.1.0", datetime.now(UTC)))
    assert [line.what for line in lines] == [
        *("versions", "courses", "state", "certificate", "share", "directories", "spawn test", "servers")
    ]
    assert not [line for line in lines if line.todo]
