"""Waiting for a server by looking at what the hub has watched anyway, then asking the server itself.

KubeSpawner and JupyterHub look with growing pauses, which adds seconds to each start.
"""

import asyncio
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError


class Waiting:
    """All servers that are starting: together they are asked at most 20 times a second."""

    def __init__(self) -> None:
        self._starting = 0

    async def for_answer(self, spawner: Any) -> None:
        """Returns once the server answers, or once its pod does not run any more."""
        name = f"{spawner.namespace}/{spawner.pod_name}"
        self._starting += 1
        try:
            while not spawner.is_pod_running(found := spawner.pod_reflector.pods.get(name)):
                if found is None or found["status"].get("phase") in ("Failed", "Succeeded"):
                    return
                await asyncio.sleep(0.05)
            address = found["status"]["podIP"]
            host = f"[{address}]" if ":" in address else address
            url = f"http://{host}:{spawner.port}{spawner.server.base_url}api"
            while not await _answers(url):
                await asyncio.sleep(max(0.1, 0.05 * self._starting))
                if not spawner.is_pod_running(spawner.pod_reflector.pods.get(name)):
                    return
        finally:
            self._starting -= 1


async def _answers(url: str) -> bool:
    try:
        response = await AsyncHTTPClient().fetch(url, raise_error=False, connect_timeout=1.0, request_timeout=2.0)
    except (OSError, HTTPClientError):
        return False
    return bool(response.code < 500)
