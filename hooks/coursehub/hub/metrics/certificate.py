"""When the certificate ends that people's browsers see, as a number on /hub/metrics."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime

from cryptography import x509
from prometheus_client.core import GaugeMetricFamily, Metric

from coursehub.config.settings import Endpoint
from coursehub.log import Log

from .collector import LiveCollector

NAME = "coursehub_certificate_expiry_timestamp_seconds"

# Seconds between two looks, and for each.
PAUSE = 30.0
PATIENCE = 10.0


class Expiry(LiveCollector):
    """The gauge; it has a sample where TLS is on and the last look found a certificate."""

    def __init__(self, endpoint: Callable[[], Endpoint | None], log: Log) -> None:
        self._endpoint = endpoint
        self._log = log
        self._ends: datetime | None = None
        self._failed = ""

    def collect(self) -> Iterator[Metric]:
        """At most one sample."""
        if self._ends is not None:
            about = "When the certificate ends that browsers see."
            ends = self._ends.timestamp()
            yield GaugeMetricFamily(NAME, about, value=ends)

    async def follow(self) -> None:
        """Looks twice a minute, for as long as the hub runs."""
        while True:
            await self.look()
            await asyncio.sleep(PAUSE)

    async def look(self) -> None:
        """Makes a TLS handshake where the settings have TLS on; a failure is logged once, until it is another."""
        endpoint = self._endpoint()
        try:
            self._ends = await _ends(endpoint) if endpoint else None
            self._failed = ""
        except (OSError, ValueError) as error:
            self._ends = None
            failure = f"certificate: {endpoint and endpoint.host} shows none: {type(error).__name__}: {error}"
            if failure != self._failed:
                self._log.warning(failure)
            self._failed = failure


async def _ends(endpoint: Endpoint) -> datetime:
    """Raises OSError (SSLError and TimeoutError among them), or ValueError where it cannot be read."""
    # Only looked at, and nothing is sent: a certificate that is wrong ends as well.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = endpoint.name or endpoint.host
    async with asyncio.timeout(PATIENCE):
        opened = asyncio.open_connection(endpoint.host, endpoint.port, ssl=context, server_hostname=name)
        _, writer = await opened
    try:
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(found or b"").not_valid_after_utc
