"""A hub in a process of its own, of one of the two JupyterHubs, begun as the hub's image begins it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from coursehub.backup.database import NAME as DATABASE
from coursehub.hub.configure import configure
from coursehub.live.kept import Folder

from tests.hub.conftest import HOST, as_upstream

ROOT = Path(__file__).resolve().parents[2]
PINNED, NEWEST = str(ROOT / ".venv/bin/python"), sys.executable
# The image's entrypoint, for a volume that is no mount.
ENTRYPOINT = (
    "import sys, pathlib; from coursehub.backup.__main__ import main; sys.exit(main(pathlib.Path(), sys.argv[1:]))"
)
CONFIGURATION = "from tests.newest.hub import as_installed\nas_installed(get_config())\n"


@dataclass(frozen=True)
class Place:
    """Where hubs run one after the other: what they mount, their volume, and at which ports they and servers are."""

    folder: Path
    port: int
    pod_port: int
    kubeconfig: Path

    @property
    def volume(self) -> Path:
        """The hub's own."""
        return self.folder / "volume"

    async def begin(self, python: str, **environment: str) -> asyncio.subprocess.Process:
        """The hub of the Python program's JupyterHub; upstream's chart has it upgrade a database of SQLite."""
        file = self.folder / "jupyterhub_config.py"
        file.write_text(CONFIGURATION)
        command = (python, "-c", ENTRYPOINT, python, "-m", "jupyterhub", "--config", file, "--upgrade-db")
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.volume,
            env={
                **os.environ,
                # As the image has it: JupyterHub upgrades its database by a program.
                "PATH": f"{Path(python).parent}:{os.defpath}",
                "PYTHONPATH": str(ROOT),
                "KUBECONFIG": str(self.kubeconfig),
                "PLACE": f"{self.folder}:{self.port}:{self.pod_port}",
                **environment,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @asynccontextmanager
    async def hub(self, python: str, **environment: str) -> AsyncIterator[list[str]]:
        """The hub while it runs; what it has said so far."""
        process = await self.begin(python, **environment)
        said: list[str] = []
        runs = asyncio.Event()
        reading = asyncio.create_task(_read(process, said, runs))
        try:
            await runs.wait()
            assert any("is now running" in line for line in said), "".join(said)
            yield said
        finally:
            if process.returncode is None:
                process.terminate()
            await reading
            await process.wait()

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Somebody's browser or program."""
        # Without TLS here, reading the machine's certificates would be most of the time.
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}/hub/", timeout=60, verify=False, **options)  # noqa: S501


async def _read(process: asyncio.subprocess.Process, said: list[str], runs: asyncio.Event) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        said.append(line.decode())
        if "is now running" in said[-1]:
            runs.set()
    runs.set()


def as_installed(c: Any) -> None:
    """The configuration, as upstream's chart and ours have it, for the place that the environment names."""
    folder, port, pod_port = os.environ["PLACE"].split(":")
    mounts, volume = Path(folder), Path(folder) / "volume"
    as_upstream(c, int(port), int(pod_port))
    c.JupyterHub.log_level = "INFO"
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.db_url = f"sqlite:///{volume / DATABASE}"
    c.JupyterHub.cookie_secret = b"of all hubs at this place, 32 by"
    c.JupyterHub.cleanup_servers = False
    configure(c, config=mounts, place=Folder(volume / "coursehub"), socket=mounts / "door")
