"""A proxy that restarts has its routes back at once: the real proxy, at the version of images/proxy."""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from coursehub.hub import proxy
from jupyterhub.proxy import ConfigurableHTTPProxy

from ci.cluster.layout import Layout
from tests import ports
from tests.hub.conftest import Hub, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
TOKEN = "t" * 32
PACKAGE = Path(__file__).parents[2] / "images/proxy"


@pytest.fixture(scope="session")
def program() -> Path:
    """configurable-http-proxy as the lock file of the image has it, kept in the cache."""
    lock = (PACKAGE / "package-lock.json").read_bytes()
    folder = Layout.from_environment().cache / f"proxy-{hashlib.sha256(lock).hexdigest()[:12]}"
    found = folder / "node_modules/.bin/configurable-http-proxy"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, folder)
        npm = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        subprocess.run(npm, cwd=folder, check=True, capture_output=True)
    return found


class Front:
    """A proxy process at ports of its own, which can be killed and started anew."""

    def __init__(self, program: Path, hub: str) -> None:
        self.port, self.api_port = ports.free(), ports.free()
        self._command = [
            str(program),
            "--ip=127.0.0.1",
            f"--port={self.port}",
            "--api-ip=127.0.0.1",
            f"--api-port={self.api_port}",
            f"--default-target={hub}",
        ]
        self._process: asyncio.subprocess.Process | None = None
        self.calls: list[str] = []

    async def start(self) -> None:
        """It listens, and knows no route but upstream's default target."""
        environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": TOKEN}
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=environment, stdout=quiet, stderr=quiet
        )
        await until(self._listens, "the proxy listening")

    async def kill(self) -> None:
        """It is gone, as a container that was killed."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def routes(self) -> dict[str, dict[str, object]]:
        """What it has in memory."""
        url = f"http://127.0.0.1:{self.api_port}/api/routes"
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # noqa: S501 - there is no TLS
            found: dict[str, dict[str, object]] = (
                await client.get(url, headers={"Authorization": f"token {TOKEN}"})
            ).json()
        return found

    async def reaches_the_server_of(self, name: str) -> bool:
        """Whether somebody who opens their server gets it, and not the hub."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # noqa: S501 - there is no TLS
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}/user/{name}/api")
            except httpx.TransportError:
                return False
        return answer.status_code == 200 and answer.json() == {}

    async def _listens(self) -> bool:
        try:
            await self.routes()
        except httpx.TransportError:
            return False
        return True


@pytest_asyncio.fixture(loop_scope="session")
async def front(hub: Hub, program: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    """A running proxy that the hub takes for its own."""
    front = Front(program, hub.app.hub.host)
    proxy = ConfigurableHTTPProxy(
        db_factory=lambda: hub.app.db,
        parent=hub.app,
        app=hub.app,
        hub=hub.app.hub,
        should_start=False,
        api_url=f"http://127.0.0.1:{front.api_port}",
        auth_token=TOKEN,
    )
    whole = proxy.get_all_routes

    async def counted() -> dict[str, object]:
        front.calls.append("all routes")
        found: dict[str, object] = await whole()
        return found

    proxy.get_all_routes = counted
    monkeypatch.setattr(hub.app, "proxy", proxy)
    await front.start()
    yield front
    await front.kill()


@asynccontextmanager
async def followed() -> AsyncIterator[asyncio.Task[None]]:
    """The task that runs in each hub, in less of a hurry than a test."""
    task = asyncio.create_task(proxy.follow(every=0.1))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_proxy_that_was_killed_reaches_each_server_again_as_soon_as_it_listens(hub: Hub, front: Front) -> None:
    assert await hub.start("maria") == "ready"
    assert await hub.start("jonas") == "ready"
    async with followed():
        for _ in range(2):
            await until(lambda: front.reaches_the_server_of("maria"), "the way to a server")
            await until(lambda: front.reaches_the_server_of("jonas"), "the way to another")
            await front.kill()
            await asyncio.sleep(0.5)  # a few looks at a proxy that is away
            await front.start()
        await until(lambda: front.reaches_the_server_of("maria"), "the way to a server after two restarts")


async def test_a_proxy_that_runs_on_is_asked_for_one_route_only(hub: Hub, front: Front) -> None:
    assert await hub.start("maria") == "ready"
    async with followed():
        await until(lambda: front.reaches_the_server_of("maria"), "the way to a server")

        async def marked() -> bool:
            return proxy.MARK in await front.routes()

        await until(marked, "the mark")
        front.calls.clear()
        await asyncio.sleep(1)
        assert front.calls == [], "each look fetched all routes"


async def test_what_marks_a_proxy_is_no_route_of_jupyterhubs(hub: Hub, front: Front) -> None:
    async with followed():

        async def marked() -> bool:
            return proxy.MARK in await front.routes()

        await until(marked, "the mark")
        await hub.app.proxy.check_routes(hub.app.users, hub.app._service_map)
        assert await marked(), "JupyterHub took it for a stale route"


async def test_after_a_failure_that_nobody_foresaw_the_next_look_puts_routes_back(
    hub: Hub, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await hub.start("maria") == "ready"
    real = hub.app.proxy.check_routes
    failed: list[object] = []

    async def fails_once(*arguments: object) -> None:
        if not failed:
            failed.append(arguments)
            raise LookupError("nobody foresaw it")
        await real(*arguments)

    monkeypatch.setattr(hub.app.proxy, "check_routes", fails_once)
    async with followed():
        await until(lambda: front.reaches_the_server_of("maria"), "the way to a server")
    assert failed


async def test_where_the_proxy_is_no_configurable_http_proxy_nothing_runs(hub: Hub) -> None:
    async with followed() as task:
        await asyncio.wait_for(asyncio.shield(task), 10)
