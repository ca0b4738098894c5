"""The provisioner as its pod runs it: a process of its own that listens on this machine."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import ports

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """`coursehub storage serve` over `root`; the token is what `token` holds."""

    root: Path
    token: Path
    port: int
    timeout: float
    prefix: Sequence[str] = ()
    # Whether it makes nothing.
    look: bool = False
    # The authority, where it listens with TLS, and the certificate and key, as the words of the command.
    authority: Path | None = None
    tls: Sequence[str] = ()
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.token.with_suffix(".log")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://localhost:{self.port}" if self.authority else f"http://127.0.0.1:{self.port}"

    def start(self) -> subprocess.Popen[bytes]:
        """Its process."""
        options = [f"--root={self.root}", f"--token={self.token}", f"--port={self.port}", f"--timeout={self.timeout}"]
        options += ["--look"] if self.look else ["--gids=70100-79999", "--minimum-uid=20000"]
        options += self.tls
        command = [
            *self.prefix,
            sys.executable,
            "-P",
            "-B",
            "-m",
            "coursehub.cli",
            "storage",
            "serve",
            "--host=127.0.0.1",
            *options,
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "hooks")}
        with self.log.open("wb") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    @contextmanager
    def running(self) -> Iterator[Server]:
        """It answers; afterwards it is told to end, and does."""
        process = self.start()
        try:
            end = time.monotonic() + 30
            while not self._listens():
                assert process.poll() is None, self.log.read_text()
                assert time.monotonic() < end, "it does not listen after 30 s"
                time.sleep(0.05)
            yield self
            process.terminate()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            # Linux ends no process that waits for a FUSE file system.
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)

    def ask(self, request: object, token: str | None = None, path: str = "/requests") -> tuple[int, dict[str, Any]]:
        """Status and answer; `token` is the right one where none is given, and "" is none at all."""
        given = self.token.read_text().strip() if token is None else token
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        connection = self._connection(30)
        try:
            connection.request("POST", path, body, {"Authorization": f"Bearer {given}"} if given else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if answer.headers["Content-Type"].startswith(
                "application/json"
            ) else {}
        finally:
            connection.close()

    def _listens(self) -> bool:
        connection = self._connection(5, verified=False)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _connection(self, timeout: float, *, verified: bool = True) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        trust = ssl.create_default_context(cafile=self.authority)
        if not verified:
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=trust)


def server(
    folder: Path, root: Path, *, timeout: float = 10.0, prefix: Sequence[str] = (), look: bool = False
) -> Server:
    """One that is not started yet, with a token in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / "token"
    token.write_text("right-token\n")
    return Server(root, token, ports.free(), timeout, prefix, look)
