"""What must hold before anything is touched; each refusal says what to do."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ci.cluster.problem import Problem

GIB = 1 << 30
# A cluster with the three images and some servers; building everything from nothing comes on top.
MEMORY = 4 * GIB
DISK = 6 * GIB
DISK_TO_BUILD = 12 * GIB


def root(uid: int) -> None:
    """Only root makes namespaces, mounts and nft tables."""
    if uid != 0:
        raise Problem("the local cluster needs root: run it with sudo")


def memory(meminfo: str) -> None:
    """Enough for the node's programs and a few servers."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    free = int(found[1]) * 1024 if found else 0
    if free < MEMORY:
        raise Problem(
            f"too little memory: {_gib(free)} free, {_gib(MEMORY)} needed; end other programs or use a larger machine"
        )


def disk(needs: Iterable[tuple[Path, int]]) -> None:
    """Enough room for each folder; those on one file system add up."""
    by_device: dict[int, tuple[Path, int, int]] = {}
    for folder, needed in needs:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        device = existing.stat().st_dev
        before = by_device.get(device, (folder, 0, 0))[1]
        by_device[device] = (folder, before + needed, shutil.disk_usage(existing).free)
    for folder, needed, free in by_device.values():
        if free < needed:
            raise Problem(
                f"too little disk for {folder}: {_gib(free)} free, {_gib(needed)} needed; free some, "
                "or choose other places with COURSEHUB_CACHE and COURSEHUB_STATE"
            )


def ports(wanted: Iterable[tuple[str, str, int]], browser_port: int) -> None:
    """Each (program, address, port) must be free; all that are not are named at once."""
    taken = [
        f"port {port} on {address} (for {program}) is in use{_by(port)}"
        + ("; choose another with COURSEHUB_PORT=8001" if port == browser_port else "")
        for program, address, port in wanted
        if not is_free(address, port)
    ]
    if taken:
        raise Problem("\n".join([*taken, "End what uses the port, then run this again."]))


def is_free(address: str, port: int) -> bool:
    """Can a server listen there?"""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((address, port))
            server.listen()
        except OSError:
            return False
    return True


def _by(port: int) -> str:
    """Who listens, if the kernel tells."""
    command = ["ss", "--no-header", "--listening", "--tcp", "--processes", f"sport = :{port}"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r'\("([^"]+)",pid=(\d+)', listed)
    return f" by {found[1]} (pid {found[2]})" if found else ""


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
