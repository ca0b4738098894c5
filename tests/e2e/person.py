"""Somebody at their browser, as HTTP: logs in, chooses on the page, uses the server that starts."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx
from coursehub.spawntest.kernel import Cell
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

START_SECONDS = 180.0
# Seconds for JupyterHub to clear up after a start that failed.
CLEARING = 20
# Whose servers end, beside the next test, and what may excuse a failure; nobody of them logs in before theirs is gone.
_LEAVING: dict[str, tuple[Person, Future[None], Callable[[], bool]]] = {}
_THREADS = ThreadPoolExecutor()


class Person:
    """One logged-in person; `page` calls carry the browser's cookies, `server` calls a token of the person's own."""

    def __init__(self, url: str, name: str, password: str) -> None:
        arrive(name)
        self.url = url
        self.name = name
        # The proxy ends a connection that rests for five seconds, maybe just as it is used again.
        never = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=url, follow_redirects=True, timeout=60, limits=never)
        self.client.get("/hub/login")
        answer = self.client.post(
            "/hub/login?next=/hub/home", data={"username": name, "password": password, "_xsrf": self._xsrf()}
        )
        assert answer.url.path == "/hub/home", f"{name} could not log in: {answer.status_code} {_text(answer)[:300]}"
        self._token: str | None = None
        self._address: str | None = None

    def _xsrf(self) -> str:
        return next(cookie.value or "" for cookie in self.client.cookies.jar if cookie.name == "_xsrf")

    def api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A call of the hub's REST API with the person's session."""
        return self.client.request(method, f"/hub/api{path}", json=body, headers={"X-XSRFToken": self._xsrf()})

    @property
    def token(self) -> str:
        """A token with the person's own rights."""
        if self._token is None:
            answer = self.api("POST", f"/users/{self.name}/tokens", {"note": "tests", "expires_in": 7200})
            assert answer.status_code == 201, answer.text
            self._token = answer.json()["token"]
        return self._token

    def form(self, query: str = "") -> httpx.Response:
        """The page on which one chooses."""
        return self.client.get(f"/hub/spawn{query}")

    def choices(self) -> list[str]:
        """The values of the form's `profile` field, in the page's order."""
        return choices(self.form().text)

    def choose(self, profile: str) -> httpx.Response:
        """Sends the form; the page that follows is the progress page where a server starts."""
        return self.client.post("/hub/spawn", data={"profile": profile, "_xsrf": self._xsrf()})

    def start(self, profile: str) -> dict[str, Any]:
        """Chooses, waits until the server is ready, and returns the server's model."""
        answer = self.choose(profile)
        assert answer.url.path.startswith(("/hub/spawn-pending", "/user/")), f"not started: {said(answer)}"
        return self.wait()

    def wait(self, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Reads the progress stream to its end; the server's model, or AssertionError with what the stream said."""
        last = self.progress(seconds)
        assert last.get("ready"), f"{self.name}: {last}"
        return self.model() or {}

    def progress(self, seconds: float = START_SECONDS) -> dict[str, Any]:
        """The last event of the progress stream."""
        return [{}, *self.events(seconds)][-1]

    def events(self, seconds: float = START_SECONDS) -> Iterator[dict[str, Any]]:
        """Each event of the progress stream, as it comes; none where nothing is starting."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"/hub/api/users/{self.name}/server/progress"
        for _ in range(CLEARING):
            with self.client.stream("GET", url, headers=headers, timeout=seconds) as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
            if stream.status_code == 200:
                return
            # While JupyterHub cleans up after a start that failed, it says that nothing is starting.
            time.sleep(1)

    def model(self) -> dict[str, Any] | None:
        """The server's model where there is one, as the hub has it."""
        answer = self.api("GET", f"/users/{self.name}")
        assert answer.status_code == 200, answer.text
        server: dict[str, Any] | None = answer.json()["servers"].get("")
        return server

    @property
    def address(self) -> str:
        """Of the person's own server, at the origin that it has; where none runs, at the hub's."""
        if self._address is None:
            model = self.model()
            if model is None:
                return f"{self.url}/user/{self.name}"
            self._address = urljoin(self.url, model["url"]).rstrip("/")
        return self._address

    def has_server(self) -> bool:
        """Whether the hub knows a server of the person that is ready."""
        return bool((self.model() or {}).get("ready"))

    def metrics(self) -> dict[str, float]:
        """The hub's metrics, by name and labels; for an admin."""
        answer = self.client.get("/hub/metrics", headers={"Authorization": f"token {self.token}"})
        assert answer.status_code == 200, answer.text
        lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def stop(self) -> None:
        """Stops the server, if there is one, and waits until it is gone."""
        end = time.monotonic() + 60
        # A new hub that still looks at the servers of the last one stops none of them.
        while (answer := self.api("DELETE", f"/users/{self.name}/server")).status_code == 500:
            assert time.monotonic() < end, answer.text
            time.sleep(1)
        assert answer.status_code in (202, 204, 404), answer.text
        while self.model() is not None:
            assert time.monotonic() < end, f"the server of {self.name} does not stop"
            time.sleep(0.2)

    def leave(self, replaced: Callable[[], bool]) -> None:
        """Stops the server, and waits for nothing; who logs in by this name later does.

        `replaced` says whether hub or proxy are others by then, so that the stop may have failed.
        """
        _LEAVING[self.name] = self, _THREADS.submit(self.stop), replaced

    def server(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A call of the person's own server."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(method, f"{self.address}{path}", json=body, headers=headers, timeout=60)

    def reaches_server(self) -> bool:
        """Whether the person's own server answers, which it does not while the proxy or its route is away."""
        try:
            return self.server("GET", "/api/status").status_code == 200
        except httpx.TransportError:
            return False

    @contextlib.contextmanager
    def socket(self, path: str) -> Iterator[ClientConnection]:
        """A websocket of the person's own server."""
        url = f"{self.address.replace('http', 'ws', 1)}{path}"
        headers = {"Authorization": f"token {self.token}"}
        with connect(url, additional_headers=headers, ssl=_tls(url), max_size=None, open_timeout=90) as socket:
            yield socket

    def terminal(self, command: str, seconds: float = 60) -> str:
        """What `command` prints in a terminal of JupyterLab."""
        answer = self.server("POST", "/api/terminals")
        assert answer.status_code == 200, answer.text
        name = answer.json()["name"]
        begin, finish = f"begin-{uuid.uuid4().hex[:8]}", f"finish-{uuid.uuid4().hex[:8]}"
        seen = ""
        try:
            with self.socket(f"/terminals/websocket/{name}") as socket:
                # The quotes keep the echo of the typed line from looking like the output.
                typed = (
                    f"stty -echo cols 500; echo {begin[:5]}''{begin[5:]}; {command}; echo {finish[:5]}''{finish[5:]}\r"
                )
                socket.send(json.dumps(["stdin", typed]))
                end = time.monotonic() + seconds
                while finish not in seen:
                    assert time.monotonic() < end, f"no end of {command!r}: {seen}"
                    kind, *rest = json.loads(socket.recv(timeout=seconds))
                    if kind == "stdout":
                        seen += rest[0]
        finally:
            self.server("DELETE", f"/api/terminals/{name}")
        return seen.split(begin, 1)[1].split(finish, 1)[0].replace("\r\n", "\n").strip()

    def kernel(self) -> Kernel:
        """A new Python kernel."""
        answer = self.server("POST", "/api/kernels", {"name": "python3"})
        assert answer.status_code == 201, answer.text
        return Kernel(self, answer.json()["id"])


class Kernel:
    """A running kernel of a person's server."""

    def __init__(self, person: Person, identifier: str) -> None:
        self.person = person
        self.identifier = identifier

    @contextlib.contextmanager
    def channel(self) -> Iterator[ClientConnection]:
        """The kernel's websocket."""
        with self.person.socket(f"/api/kernels/{self.identifier}/channels") as socket:
            yield socket

    def run(self, code: str, seconds: float = 60) -> str:
        """What a cell with `code` prints."""
        with self.channel() as socket:
            return "".join(execute(socket, code, seconds))

    def printed(self, code: str) -> str:
        """As `run`, and nothing while the way to the kernel is away: an open page tries again, too."""
        try:
            return self.run(code)
        except (OSError, WebSocketException):
            return ""


def arrive(*names: str) -> None:
    """What these people left running is gone, without names what all left; AssertionError where it did not stop."""
    for name in names or list(_LEAVING):
        if name in _LEAVING:
            person, stopping, replaced = _LEAVING.pop(name)
            if error := stopping.exception():
                assert replaced(), f"the server that {name} left did not stop: {error!r}"
                person.stop()


def _tls(url: str) -> ssl.SSLContext | None:
    """For a wss:// address what the websocket's client can use.

    It reads and writes in two threads. With TLS 1.3, which goes on talking after the handshake, one connection of
    hundreds stalls for ever, whoever the server is.
    """
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def execute(socket: ClientConnection, code: str, seconds: float = 60) -> Iterator[str]:
    """Has the kernel begin with `code`; each piece of text that it prints, until its end."""
    cell = Cell(code)
    socket.send(cell.request)
    return _printed(socket, cell, seconds)


def _printed(socket: ClientConnection, cell: Cell, seconds: float) -> Iterator[str]:
    while not cell.ended:
        if text := cell.hear(str(socket.recv(timeout=seconds))):
            yield text


def choices(html: str) -> list[str]:
    """The values of the radios named `profile`."""
    found: list[str] = []

    class Radios(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag == "input" and given.get("name") == "profile":
                found.append(given.get("value") or "")

    Radios().feed(html)
    return found


def said(answer: httpx.Response) -> str:
    """The page's text without its markup."""
    return f"{answer.status_code} {_text(answer)}"


def _text(answer: httpx.Response) -> str:
    pieces: list[str] = []

    class Text(HTMLParser):
        skipping = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.skipping = tag in ("script", "style")

        def handle_endtag(self, tag: str) -> None:
            self.skipping = False

        def handle_data(self, data: str) -> None:
            if not self.skipping and data.strip():
                pieces.append(" ".join(data.split()))

    Text().feed(answer.text)
    return " ".join(pieces)
