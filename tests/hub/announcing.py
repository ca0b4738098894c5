"""Announcements, made and asked for."""

import asyncio
import json
from typing import Any

from coursehub.hub.admin import socket

from tests.hub.conftest import Hub


async def ask(hub: Hub, question: str, **more: object) -> dict[str, Any]:
    """What the hub answers at its door."""
    text = json.dumps({"ask": question, **more})
    reply: dict[str, Any] = json.loads(await asyncio.to_thread(socket.ask, text, hub.folder / "door"))
    return reply


async def announce(hub: Hub, text: str, course: str | None = None, level: str = "info") -> dict[str, Any]:
    """The hub shows `text`."""
    return await ask(hub, "announce", text=text, level=level, course=course, until=None, dry_run=False)
