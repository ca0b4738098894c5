"""The spawn test: starts one course's server as a test person, looks into it, stops it, and tells the hub.

    python3 -m coursehub.spawntest --hub http://hub:8081/hub --proxy http://proxy-public --token FILE

It goes the way of people: over the proxy, and what it looks at is what a notebook's cell sees. The hub says which
course comes next and what its server has to be, so the courses are tried in turn, one a run. Exit 1 where something is
wrong; the sentence that says what is also kept by the hub.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from coursehub import terminal, tokens
from coursehub.errors import CoursehubError

from . import rules
from .kernel import Cell, CellFailed
from .rules import Report, ServerView, Turn

# Seconds for the whole of one try, and for a server to be gone.
LONGEST = 600.0
STOPPING = 120.0
# Seconds for JupyterHub to clear up after a start that failed.
CLEARING = 30
# Seconds in which hub and proxy have to be there: policies let a new pod through only some moments after it begins.
REACHING = 60.0


class Wrong(CoursehubError):
    """Something does not work; the message says what."""


class Attempt:
    """One run, as the service whose token the session carries; into the server it goes as the person."""

    def __init__(self, session: aiohttp.ClientSession, hub: str, proxy: str) -> None:
        self._session = session
        self._hub = hub.rstrip("/")
        self._proxy = proxy.rstrip("/")

    async def run(self) -> Report:
        """The report, after the hub got it; raises Wrong where the hub itself does not answer as it should."""
        async with self._call("GET", f"{self._hub}/coursehub/spawn-test") as response:
            turn = Turn.model_validate_json(await response.read())
        begin = time.monotonic()
        reason = await self._reason(turn)
        seconds = time.monotonic() - begin
        report = Report(course=turn.course, ok=reason is None, seconds=seconds, reason=reason and reason[:1000])
        body = json.loads(report.model_dump_json())
        async with self._call("POST", f"{self._hub}/coursehub/spawn-test", body):
            return report

    async def _reason(self, turn: Turn) -> str | None:
        if turn.expected is None:
            return turn.refusal
        server = f"{self._hub}/api/users/{turn.user}/server"
        try:
            try:
                async with asyncio.timeout(LONGEST):
                    # One that an earlier run left behind.
                    await self._stop(turn.user, server)
                    return await self._try(turn, server, turn.expected)
            finally:
                await self._stop(turn.user, server)
        except Wrong as wrong:
            return str(wrong)
        except TimeoutError:
            return f"The server was not started and looked into within {LONGEST:.0f} s."

    async def _try(self, turn: Turn, server: str, expected: ServerView) -> str | None:
        async with self._call("GET", f"{self._proxy}/hub/login"):
            pass
        async with self._call("POST", server, {"profile": turn.course}):
            pass
        await self._ready(f"{server}/progress")
        printed = await self._execute(turn)
        try:
            return rules.verdict(expected, rules.parse(printed))
        except ValueError:
            return f"A cell in the server printed what it should not: {printed[:200]!r}"

    async def _ready(self, progress: str) -> None:
        """Returns once the server is ready; raises Wrong with the stream's last words."""
        last: dict[str, Any] = {}
        for left in reversed(range(CLEARING)):
            try:
                async with self._call("GET", progress) as response:
                    async for line in response.content:
                        if line.startswith(b"data:"):
                            last = json.loads(line[5:])
                break
            except Wrong:
                # While JupyterHub cleans up after a start that failed, it says that nothing is starting.
                if not left:
                    raise
                await asyncio.sleep(1)
        if not last.get("ready"):
            raise Wrong(str(last.get("message") or "The hub said nothing of the server that it was to start."))

    async def _execute(self, turn: Turn) -> str:
        """What a cell prints in a new kernel, asked for with the person's token."""
        base, host = _way(self._proxy, turn.server)
        kernels, headers = f"{base}api/kernels", {"Authorization": f"token {turn.token}", **host}
        async with self._call("POST", kernels, {"name": "python3"}, headers) as response:
            kernel = f"{kernels}/{(await response.json())['id']}"
        try:
            async with self._session.ws_connect(f"{kernel}/channels", headers=headers, max_msg_size=0) as socket:
                cell = Cell(rules.LOOK)
                await socket.send_str(cell.request)
                printed = ""
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        printed += cell.hear(message.data)
                    if cell.ended:
                        return printed
        except CellFailed as failed:
            raise Wrong(f"A cell failed in the server: {failed}") from None
        except aiohttp.ClientError as error:
            raise Wrong(f"The server's kernel cannot be reached through the proxy: {error}") from None
        raise Wrong("The server's kernel ended before the cell did.")

    async def _stop(self, user: str, server: str) -> None:
        """Returns once no server is there; raises Wrong where one stays."""
        end = time.monotonic() + STOPPING
        while True:
            async with self._call("DELETE", server) as response:
                if response.status == 204:
                    return
            if time.monotonic() > end:
                raise Wrong(f"The server of {user} was not gone after {STOPPING:.0f} s.")
            await asyncio.sleep(1)

    @asynccontextmanager
    async def _call(
        self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is none of an error; raises Wrong."""
        try:
            async with await self._connected(method, url, body, headers) as response:
                if response.status >= 400:
                    raise Wrong(f"{method} {url}: {response.status} {_message(await response.text())}")
                yield response
        except (OSError, aiohttp.ClientError) as error:
            raise Wrong(f"{method} {url}: {error or type(error).__name__}") from None

    async def _connected(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None
    ) -> aiohttp.ClientResponse:
        """The answer of what can be reached; asked again is only what was never sent."""
        end = time.monotonic() + REACHING
        while True:
            try:
                # Login may be elsewhere, and the token is not for others.
                return await self._session.request(method, url, json=body, headers=headers, allow_redirects=False)
            except aiohttp.ClientConnectorError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(1)


def _way(proxy: str, server: str) -> tuple[str, dict[str, str]]:
    """The server's address over the proxy, and the headers that name it there.

    A server's own host is found by whoever finds the hub's; from within the cluster the proxy has another name.
    """
    own, given = urlsplit(server), urlsplit(proxy)
    if not own.netloc:
        return f"{given.scheme}://{given.netloc}{server}", {}
    if f".{own.hostname}".endswith(f".{given.hostname}"):
        return server, {}
    return urlunsplit(own._replace(scheme=given.scheme, netloc=given.netloc)), {"Host": own.netloc}


def _message(text: str) -> str:
    """The sentence in an answer of the hub's API, or how the page begins."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


async def _run(hub: str, proxy: str, token: str) -> Report:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=LONGEST)
    headers = {"Authorization": f"token {token}"}
    # Cookies would have a session's rules over the token's.
    jar = aiohttp.DummyCookieJar()
    # The proxy ends a connection that rests for five seconds, maybe just as it is used again.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, cookie_jar=jar, connector=connector) as session:
        return await Attempt(session, hub, proxy).run()


def main(words: Sequence[str] | None = None) -> int:
    """One try; 0 where the server was what it should be."""
    parser = argparse.ArgumentParser(
        prog="python3 -m coursehub.spawntest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--hub", required=True, metavar="URL", help="the hub itself, to its prefix: http://hub:8081/hub"
    )
    parser.add_argument(
        "--proxy", required=True, metavar="URL", help="what people's browsers open: http://proxy-public"
    )
    parser.add_argument(
        "--token",
        required=True,
        action="append",
        metavar="FILE",
        type=Path,
        help="holds the service's token; given more than once, the first that is there",
    )
    given = parser.parse_args(words)
    try:
        report = asyncio.run(_run(given.hub, given.proxy, tokens.read(given.token)))
    except (CoursehubError, OSError) as error:
        terminal.err(f"spawn test: {error}")
        return 1
    if report.reason is not None:
        terminal.err(f"spawn test of {report.course}: {report.reason}")
        return 1
    terminal.out(f"spawn test of {report.course}: well, after {report.seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
