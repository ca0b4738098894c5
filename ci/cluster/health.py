"""Whether a program works: it is asked."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

LOCAL = "127.0.0.1"


def answers(
    url: str,
    authority: Path | None = None,
    client: tuple[Path, Path] | None = None,
    says: Callable[[str], bool] = lambda _: True,
) -> Callable[[], bool]:
    """Does it say that it is healthy? Without an authority: a certificate it made itself, on 127.0.0.1."""

    def ask() -> bool:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if authority is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if client is not None:
            context.load_cert_chain(*map(str, client))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(url, timeout=5) as response:
                return response.status == 200 and says(response.read().decode())
        except (OSError, urllib.error.HTTPError):
            return False

    return ask


def accepts(path: Path) -> bool:
    """Does something listen on the socket?"""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(os.fsencode(path)) == 0


def listens(port: int) -> bool:
    """Does something listen on the port of 127.0.0.1?"""
    with socket.socket() as client:
        return client.connect_ex((LOCAL, port)) == 0
