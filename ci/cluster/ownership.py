"""One cluster a machine, one run at a time, and no folder of somebody else's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci.cluster import network
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem
from ci.cluster.steps import say

MARK = "this-folder-belongs-to-coursehub"


@contextmanager
def lock(layout: Layout) -> Iterator[None]:
    """Wait for other runs. The parent folder is locked, as the state folder itself comes and goes."""
    layout.state.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(layout.state.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("- another run works on this cluster: waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        owner = network.owner()
        if owner and owner != layout.state and is_ours(owner):
            raise Problem(f"this machine has a cluster already, with COURSEHUB_STATE={owner}: take that down first")
        yield
    finally:
        os.close(folder)


def claim(layout: Layout) -> None:
    """Never take over, and later delete, a folder that is somebody else's."""
    layout.state.mkdir(mode=0o755, exist_ok=True)
    if not is_ours(layout.state):
        if any(layout.state.iterdir()):
            raise Problem(f"{layout.state} holds other files: empty it, or choose another place with COURSEHUB_STATE")
        (layout.state / MARK).touch()


def is_ours(folder: Path) -> bool:
    """Was it made by `claim`?"""
    return (folder / MARK).exists()
