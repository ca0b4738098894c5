"""The real proxy, at the version of images/proxy: after a restart it has its routes back, and it bounds no server."""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest
import pytest_asyncio
import yaml
from coursehub.hub import proxy
from jupyterhub.proxy import ConfigurableHTTPProxy

from ci.cluster.layout import Layout
from tests import ports
from tests.hub.conftest import HOST, Hub, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
TOKEN = "t" * 32
MIB = 2**20
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


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "CONFIGPROXY_AUTH_TOKEN": TOKEN, **more}


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
            "--host-routing",
        ]
        self._process: asyncio.subprocess.Process | None = None
        self.calls: list[str] = []

    async def start(self, **more: str) -> None:
        """It listens, and knows no route but upstream's default target."""
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=_environment(more), stdout=quiet, stderr=quiet
        )
        await until(self._listens, "the proxy listening")

    async def refuses(self, **more: str) -> str:
        """What it says before it ends by itself."""
        process = await asyncio.create_subprocess_exec(
            *self._command, env=_environment(more), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == 1
        return said.decode()

    async def status(self, token: str) -> int:
        """With which its API answers to a token."""
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{self.api_port}/api/routes"
            return (await client.get(url, headers={"Authorization": f"token {token}"})).status_code

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
                answer = await client.get(f"http://{name}.{HOST}:{self.port}/user/{name}/api")
            except httpx.TransportError:
                return False
        return answer.status_code == 200 and answer.json() == {}

    async def upload(self, path: str, size: int, **headers: str) -> aiohttp.ClientResponse:
        """The answer to a form of so many bytes that is sent in pieces, as a browser does."""

        async def pieces() -> AsyncIterator[bytes]:
            piece = b"x" * 2**16
            for begin in range(0, size, len(piece)):
                yield piece[: size - begin]

        given = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(size), **headers}
        async with aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{self.port}{path}"
            method = "POST" if size else "GET"
            async with client.request(method, url, data=pieces() if size else None, headers=given) as answer:
                await answer.read()
                return answer

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
        host_routing=True,
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


@pytest.mark.parametrize("size", [2 * MIB, 60 * MIB], ids=["some", "far"])
async def test_w10_who_sends_the_hub_too_much_reads_why_through_the_proxy(front: Front, size: int) -> None:
    answer = await front.upload("/hub/login", size)
    assert (answer.status, await answer.text()) == (413, "The form is too large: at most 64 KiB.\n")
    assert (await front.upload("/hub/login", 1000)).status == 403, "the next request has its own answer"


async def test_w10_what_people_send_to_their_servers_has_no_bound(hub: Hub, front: Front) -> None:
    assert await hub.start("maria") == "ready"
    async with followed():
        await until(lambda: front.reaches_the_server_of("maria"), "the way to a server")
    answer = await front.upload("/user/maria/files", 60 * MIB, Host=f"maria.{HOST}")
    assert (answer.status, await answer.json()) == (200, {"received": 60 * MIB})


@pytest.mark.parametrize("much", ["headers", "address"])
async def test_w10_a_long_head_ends_at_the_proxy(front: Front, much: str) -> None:
    headers = {"Cookie": "a=" + "b" * 17_000} if much == "headers" else {}
    path = "/hub/" + ("x" * 17_000 if much == "address" else "login")
    assert (await front.upload(path, 0, **headers)).status == 431


async def test_w10_the_hub_speaks_no_websocket(front: Front) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "a"}
    assert (await front.upload("/hub/health", 0, **headers)).status == 200


async def test_w10_slow_bodies_leave_the_hub_behind_the_proxy_to_everybody_else(front: Front) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(200)]
    for _, writer in slow:
        writer.write(b"POST /hub/login HTTP/1.1\r\nHost: hub\r\nContent-Length: 60000\r\n\r\n" + b"x" * 50_000)
    assert (await front.upload("/hub/login", 1000)).status == 403
    for _, writer in slow:
        writer.close()


PLACEHOLDERS = Path(__file__).parents[2] / "docs/examples/gitops/placeholders.yaml"
ZEROS = "0" * 64


class TestPlaceholders:
    """Upstream's Secret holds zeros, and what docs/gitops.md gives the proxy beside them holds."""

    @pytest.fixture
    def given(self) -> dict[str, str]:
        """Its variables but the one from the site's Secret."""
        chp = yaml.safe_load(PLACEHOLDERS.read_text())["jupyterhub"]["proxy"]["chp"]
        return {"CONFIGPROXY_AUTH_TOKEN": ZEROS, "NODE_OPTIONS": chp["extraEnv"]["NODE_OPTIONS"]}

    async def test_the_token_of_the_sites_secret_opens_its_api_and_zeros_do_not(
        self, program: Path, given: dict[str, str]
    ) -> None:
        front = Front(program, "http://127.0.0.1:9")
        await front.start(**given, COURSEHUB_PROXY_TOKEN=f" {TOKEN}\r\n")
        try:
            assert await front.status(TOKEN) == 200, "without the blanks that a store of secrets put around it"
            assert await front.status(ZEROS) == 403
        finally:
            await front.kill()

    @pytest.mark.parametrize("secret", [None, "", ZEROS, f"{ZEROS}\n", f"{ZEROS}\r\n", " "], ids=ascii)
    async def test_it_does_not_start_with_zeros_or_nothing_and_says_what_to_run(
        self, program: Path, given: dict[str, str], secret: str | None
    ) -> None:
        given |= {} if secret is None else {"COURSEHUB_PROXY_TOKEN": secret}
        said = await Front(program, "http://127.0.0.1:9").refuses(**given)
        assert said == "The Secret coursehub-secrets holds no token of the proxy; run coursehub secrets apply.\n"
