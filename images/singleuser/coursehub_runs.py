"""Runs: submissions that the hub has executed apart, by pods that are nobody's.

The hub takes the server's own token for them, which no other program has, and nbgrader's command is one in a terminal.
So the server passes on what concerns runs, and nothing else, over a socket that its person alone can reach.
"""

import json
import os
import socket
import struct
import threading
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, NamedTuple

from coursehub_carry import FOLDER, RUNS
from coursehub_process import withdraw
from tornado.httpclient import HTTPClient, HTTPClientError, HTTPRequest

DOOR = Path("/run/coursehub/runs")
NO_HUB = "The hub does not answer."
NO_SERVER = "This server does not answer; start it again."
# Seconds for an answer; the hub waits for Kubernetes' for 20.
_ANSWER = 40.0


class Answer(NamedTuple):
    """The hub's, and after how many seconds it may be asked again."""

    status: int
    said: dict[str, Any]
    after: int | None = None


def are_possible() -> bool:
    """Whether the course has a folder of runs here, and may write into it."""
    return os.access(RUNS, os.W_OK | os.X_OK)


def ask(method: str, folder: str) -> Answer:
    """What the hub answers; a status of 503 also where nobody does, and of 502 where no server is there to ask it."""
    connection = _Connection("localhost", timeout=_ANSWER + 10)
    try:
        connection.request(method, f"/{folder}")
        response = connection.getresponse()
        after = response.headers.get("Retry-After", "")
        return Answer(response.status, _said(response.read()), int(after) if after.isdecimal() else None)
    except (FileNotFoundError, ConnectionRefusedError):
        return Answer(HTTPStatus.BAD_GATEWAY, {"message": NO_SERVER})
    except (OSError, HTTPException):
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"message": NO_HUB})
    finally:
        connection.close()


def _said(body: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        said = json.loads(body)
        if isinstance(said, dict):
            return said
    return {}


class _Connection(HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(DOOR))


class _Door(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return bool(uid == os.geteuid())


class _PassOn(BaseHTTPRequestHandler):
    timeout = _ANSWER

    def _pass_on(self) -> None:
        folder = self.path.removeprefix("/")
        if not FOLDER.fullmatch(folder):
            self._answer(HTTPStatus.BAD_REQUEST, json.dumps({"message": "That is no run."}).encode())
            return
        hub = os.environ["JUPYTERHUB_API_URL"].rstrip("/").removesuffix("/api")
        request = HTTPRequest(
            f"{hub}/coursehub/executions/{folder}",
            method=self.command,
            headers={"Authorization": f"token {withdraw()}"},
            body=b"" if self.command == "PUT" else None,
            connect_timeout=5.0,
            request_timeout=_ANSWER,
            follow_redirects=False,
        )
        client = HTTPClient()
        try:
            response = client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError):
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, json.dumps({"message": NO_HUB}).encode())
        else:
            self._answer(response.code, response.body or b"", response.headers.get("Retry-After"))
        finally:
            client.close()

    do_PUT = do_GET = do_DELETE = _pass_on

    def _answer(self, status: int, body: bytes, after: str | None = None) -> None:
        self.send_response(status)
        if after is not None:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The hub logs what it was asked."""


def _load_jupyter_server_extension(app: Any) -> None:
    if are_possible():
        DOOR.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            door = _Door(str(DOOR), _PassOn)
        finally:
            os.umask(before)
        threading.Thread(target=door.serve_forever, daemon=True).start()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursehub_runs"}]
