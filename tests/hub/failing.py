"""Servers that fail, as Kubernetes has them."""

import asyncio
import json
import re
from typing import Any

from coursehub.hub.admin import socket

from tests.hub.conftest import Hub, until

POD = "jupyter-maria"


GONE_WRONG = {"image": "registry.example/r:1", "name": "notebook", "ready": False}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    """A pod whose container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "podIP": None, "containerStatuses": [GONE_WRONG | {"state": state}]}


def ended(reason: str, code: int, message: str = "") -> dict[str, Any]:
    """A pod whose container has ended."""
    state = {"terminated": {"reason": reason, "exitCode": code, "message": message}}
    return {"phase": "Failed", "podIP": "10.0.0.1", "containerStatuses": [GONE_WRONG | {"state": state}]}


async def starting(hub: Hub, profile: str = "data-analysis") -> None:
    """Maria's server has a pod that does not run yet."""
    hub.kubernetes.phase = "Pending"
    await hub.rest("maria", "POST", "users/maria/server", json.dumps({"profile": profile}).encode())
    await until(lambda: POD in hub.kubernetes.pods, "the pod")


async def asked(hub: Hub, user: str = "maria") -> dict[str, Any]:
    """What `coursehub logs` is told."""
    reply = await asyncio.to_thread(socket.ask, json.dumps({"ask": "logs", "user": user}), hub.folder / "door")
    answer: dict[str, Any] = json.loads(reply)["answer"]
    return answer


async def counted(hub: Hub, name: str, reason: str) -> float:
    """How often the metric has counted this in Data Analysis."""
    await hub.login("sofia")
    text = (await hub.rest("sofia", "GET", "../metrics")).text
    found = re.search(rf'^{name}_total{{course="data-analysis",reason="{reason}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0
