"""A service in the provisioner's place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from coursehub.config.settings import ProvisionerService

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked:
    """A service that answers as told and counts."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.tokens: list[str] = []
        self.status = 200
        self.reply: Any = {"changes": []}
        self.arrived = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, http: web.Request) -> web.Response:
        self.requests.append(await http.json())
        self.tokens.append(http.headers["Authorization"])
        self.arrived.set()
        await self.free.wait()
        return web.json_response(self.reply, status=self.status)


@asynccontextmanager
async def served(answer: Answer, within: float = 5.0) -> AsyncIterator[ProvisionerService]:
    """Where `answer` answers."""
    app = web.Application()
    app.router.add_post("/requests", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield ProvisionerService(url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeout=within)
    finally:
        await runner.cleanup()
