"""python -m tests.bench.before_login: a hub with and without its bounds, while somebody who never logs in loads it.

Needs no cluster. The hub, whoever loads it and whoever asks whether it is well are processes of their own. Prints a
table in Markdown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from coursehub.hub import bounds
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from traitlets.config import Config

from tests import ports

from .measure import Times, machine, many, milliseconds, say
from .strangers import LOADS

MIB = 2**20
SIDES = ("without bounds", "with bounds")


class Routes(Proxy):  # type: ignore[misc] # JupyterHub is untyped
    """No proxy."""

    async def add_route(self, routespec: str, target: str, data: dict[str, object]) -> None:
        """See Proxy."""

    async def delete_route(self, routespec: str) -> None:
        """See Proxy."""

    async def get_all_routes(self) -> dict[str, object]:
        """See Proxy."""
        return {}


def _serve(port: int, bounded: bool) -> None:
    c = Config()
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.proxy_class = Routes
    c.Proxy.should_start = False
    c.JupyterHub.db_url = "sqlite:///:memory:"
    c.JupyterHub.cookie_secret = os.urandom(32)
    if bounded:
        bounds.bound(c)
    JupyterHub.instance(config=c)
    JupyterHub.launch_instance([])


def _run(module: str, *words: str, folder: str | None = None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    command = [sys.executable, "-m", f"tests.bench.{module}", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _hub(side: str) -> Iterator[tuple[int, int]]:
    """A hub's port and process, from its first answer on."""
    port = ports.free()
    with tempfile.TemporaryDirectory() as folder:
        hub = _run("before_login", "serve", str(port), side, folder=folder)
        try:
            for _ in range(300):
                with suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{port}/hub/login").raise_for_status()
                    break
                time.sleep(0.2)
            yield port, hub.pid
        finally:
            hub.kill()
            hub.wait()


def _memory(process: int, what: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def _measured(load: str, side: str) -> tuple[int, Times]:
    """How many bytes the hub took more than at rest, and the times of its answers to whoever asks if it is well."""
    with _hub(side) as (port, process), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        before = _memory(process, "VmRSS")
        # The most of it counts from here on.
        Path(f"/proc/{process}/clear_refs").write_text("5")
        times = Times(side)
        loading = _run("strangers", str(port), load)
        while loading.poll() is None:
            begin = time.perf_counter()
            client.get("/hub/health").raise_for_status()
            times.seconds.append(time.perf_counter() - begin)
            time.sleep(0.01)
        return _memory(process, "VmHWM") - before, times


def measure() -> str:
    """The table; three minutes."""
    rows = [
        "| load | memory without bounds | with | /hub/health p99 without bounds | with |",
        "|---|---|---|---|---|",
    ]
    for load in many(tuple(LOADS), smoke=tuple(LOADS)[:1]):
        say(load)
        (plain, slow), (bounded, quick) = (_measured(load, side) for side in SIDES)
        p99 = f"{milliseconds(slow.p99)} | {milliseconds(quick.p99)}"
        rows.append(f"| {load} | +{plain / MIB:.0f} MiB | +{bounded / MIB:.0f} MiB | {p99} |")
    return "\n".join(rows)


def main() -> int:
    """Measures, or is one of the processes."""
    match sys.argv[1:]:
        case ["serve", port, side]:
            _serve(int(port), bounded=side == SIDES[1])
        case _:
            print(machine())
            print(f"\n{measure()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
