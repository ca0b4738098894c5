"""What alerts and dashboard look at of JupyterHub's own numbers is there, whichever JupyterHub it is."""

import re
from pathlib import Path

import pytest

from tests.hub.conftest import Hub

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = Path(__file__).resolve().parents[2] / "chart/files"
LOOKED_AT = "".join((FILES / name).read_text() for name in ("alerts.yaml", "dashboard.json"))
NAMES = sorted(set(re.findall(r"\bjupyterhub_\w+", LOOKED_AT)))
HANDLERS = sorted(set(re.findall(r"\bjupyterhub\.[\w.]+Handler", LOOKED_AT)))


async def metrics(hub: Hub) -> str:
    """What Prometheus reads, after a start and the culler's question."""
    assert await hub.start("maria") == "ready"
    await hub.rest("sofia", "GET", "users")
    return (await hub.rest("sofia", "GET", "../metrics")).text


async def test_each_number_is_there(hub: Hub) -> None:
    text = await metrics(hub)
    assert NAMES
    assert [name for name in NAMES if not re.search(rf"^{name}[{{ ]", text, re.MULTILINE)] == []


async def test_each_handler_is_called_so(hub: Hub) -> None:
    text = await metrics(hub)
    assert HANDLERS
    assert [handler for handler in HANDLERS if f'handler="{handler}"' not in text] == []


async def test_a_start_counts_as_one_that_was_well(hub: Hub) -> None:
    name = re.compile(r'^jupyterhub_server_spawn_duration_seconds_count\{.*status="success".*\} (\S+)$', re.MULTILINE)
    (before,) = name.findall(await metrics(hub))
    await hub.stop("maria")
    (after,) = name.findall(await metrics(hub))
    assert float(after) == float(before) + 1
