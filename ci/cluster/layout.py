"""Where everything is: one folder of state that no clone owns, and caches that outlive it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.cluster.problem import Problem

# containerd puts sockets with names of 64 digits there, and Linux ends a socket's path at 107 bytes.
LONGEST_STATE = 107 - 64 - len("/node-2/run/s/")
MOST_NODES = 2


@dataclass(frozen=True)
class Layout:
    """All paths, the browser's port, and how often kubelet looks after pods and what is mounted in them.

    `nodes`: how many there shall be; None for as many as there are.
    """

    state: Path
    cache: Path
    port: int
    sync: str = "2s"
    nodes: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Layout:
        """COURSEHUB_STATE, COURSEHUB_CACHE, COURSEHUB_PORT, COURSEHUB_SYNC and NODES, or what is usual."""
        home_cache = environment.get("XDG_CACHE_HOME") or f"{environment.get('HOME', '/root')}/.cache"
        state = Path(environment.get("COURSEHUB_STATE") or "/var/lib/coursehub")
        if not state.is_absolute() or len(state.parts) < 3:
            raise Problem(f"COURSEHUB_STATE={state}: give a folder of its own by its full path, such as /srv/coursehub")
        if len(os.fsencode(state)) > LONGEST_STATE:
            raise Problem(
                f"COURSEHUB_STATE={state}: too long for the sockets in it; take at most {LONGEST_STATE} letters"
            )
        port = environment.get("COURSEHUB_PORT") or "8000"
        if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
            raise Problem(f"COURSEHUB_PORT={port}: write a port number, such as 8000")
        sync = environment.get("COURSEHUB_SYNC") or cls.sync
        if not re.fullmatch(r"[1-9][0-9]*[sm]", sync):
            raise Problem(f"COURSEHUB_SYNC={sync}: write a time, such as {cls.sync}, or 1m, which is kubelet's own")
        nodes = environment.get("NODES") or ""
        if nodes not in ("", *map(str, range(1, MOST_NODES + 1))):
            raise Problem(f"NODES={nodes}: write 1 or {MOST_NODES}, or leave it out for as many as there are")
        cache = Path(environment.get("COURSEHUB_CACHE") or f"{home_cache}/coursehub")
        return cls(state, cache, int(port), sync, int(nodes) if nodes else None)

    @property
    def bin(self) -> Path:
        """Links to the programs that the cluster runs, and kubectl and helm."""
        return self.state / "bin"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def config(self) -> Path:
        """What the programs read; written anew by each `up`."""
        return self.state / "config"

    @property
    def run(self) -> Path:
        """Sockets and process records: means nothing once the processes are gone."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """One log for each program, and the pods' logs."""
        return self.state / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's access."""
        return self.state / "kubeconfig"

    @property
    def share(self) -> Path:
        """Stands in for the university's NFS."""
        return self.state / "share"

    @property
    def hub_database(self) -> Path:
        """The hub's own volume."""
        return self.state / "hub-db"
