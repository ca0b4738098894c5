"""Ports of this machine, for programs that are told a number."""

import random
import socket
from contextlib import suppress


def free() -> int:
    """One at which nobody listens, of those that Linux gives to no connection of its own accord."""
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311 - no secret
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
