"""The certificate of a service and its key, read again from their files after a renewal."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("coursehub.storage")
Seen = tuple[tuple[int, int], ...]


@dataclass
class Certificate:
    """A chain and its key, both PEM; OSError (SSLError among them) where they cannot be used."""

    chain: Path
    key: Path
    _seen: Seen = field(init=False)
    _now: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self._look()
        self._now = self._load()

    def context(self) -> ssl.SSLContext:
        """The context of the server: each new connection gets the current certificate, or the last good one."""
        offered = self._load()
        # OpenSSL calls it for each connection, also for one that names no host.
        offered.sni_callback = self._choose
        return offered

    def _choose(self, connection: Any, _host: str | None, _context: ssl.SSLContext) -> None:
        try:
            seen = self._look()
            if seen != self._seen:
                self._now, self._seen = self._load(), seen
                _LOG.info("the certificate is renewed")
        except OSError as error:
            _LOG.error("the certificate in %s stays as it was: %s", self.chain, error)
        connection.context = self._now

    def _look(self) -> Seen:
        return tuple((found.st_ino, found.st_mtime_ns) for found in (self.chain.stat(), self.key.stat()))

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context
