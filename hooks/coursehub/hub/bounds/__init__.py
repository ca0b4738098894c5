"""What the hub takes from whoever asks, logged in or not: in a request, from all at once, to keep, and to log."""

from typing import Any

from . import lines, server, stored


def bound(c: Any) -> None:
    """The hub of this process, which is about to start with the configuration `c`, keeps to all of it."""
    server.bound()
    stored.bound()
    lines.bound(c)
