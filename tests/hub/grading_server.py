"""A server of an instructor that grades, as the hub sees it: it lets in whom the hub says, and grades one assignment
at a time."""

import json
from typing import Any

import httpx
from aiohttp import web

from tests.graded import runs, told


class Grader:
    """What the server of `name` answers at coursehub/grading, and what it was asked; `body` goes out instead."""

    def __init__(self, hub: str, name: str) -> None:
        self.told = told()
        self.body: bytes | None = None
        self.tokens: list[str] = []
        self.seen: list[dict[str, Any]] = []
        self.asked: list[tuple[str, Any]] = []
        self._hub = hub
        self._name = name

    async def __call__(self, request: web.Request) -> web.Response:
        """As JupyterHub's extension of a server: it asks the hub whose token it is, and what it may."""
        scheme, token = request.headers["Authorization"].split()
        assert scheme == "token"
        self.tokens.append(token)
        async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - there is no TLS
            answer = await client.get(f"{self._hub}api/user", headers={"Authorization": f"token {token}"})
        self.seen.append(answer.json())
        if not {f"access:servers!server={self._name}/"} & set(answer.json()["scopes"]):
            return web.Response(status=403)
        if request.method == "GET":
            body = json.dumps(self.told).encode() if self.body is None else self.body
            return web.Response(body=body, content_type="application/json")
        sent = await request.json() if request.method == "POST" else None
        self.asked.append((request.method, sent))
        if request.method == "DELETE":
            self.told = {**self.told, "running": False, "now": {}, "ended": {"cancelled": 1}}
        elif self.told["running"]:
            return web.json_response({"message": f"{self.told['assignment']!r} is being graded."}, status=409)
        else:
            self.told = runs((await request.json())["assignment"])
        return web.json_response(self.told, status=202)
