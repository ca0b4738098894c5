"""The certificate's end on /hub/metrics, from a real TLS handshake."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from coursehub.config.settings import Endpoint
from coursehub.hub.metrics import certificate
from coursehub.hub.metrics.certificate import Expiry
from cryptography import x509
from prometheus_client import CollectorRegistry

from tests.authority import Authority

NAME = "coursehub_certificate_expiry_timestamp_seconds"
LOG = logging.getLogger("tests")


@asynccontextmanager
async def serving(chain: Path, key: Path, port: int = 0) -> AsyncIterator[int]:
    """A proxy with a certificate; the port on which it listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


def sample(gauge: Expiry) -> float | None:
    """What a scrape finds."""
    registry = CollectorRegistry()
    registry.register(gauge)
    return registry.get_sample_value(NAME)


def end(chain: Path) -> float:
    return x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc.timestamp()


@pytest.mark.parametrize("valid", [timedelta(days=30), timedelta(minutes=-5)], ids=["valid", "expired"])
async def test_it_is_the_end_of_what_browsers_get_whoever_signed_it(tmp_path: Path, valid: timedelta) -> None:
    chain, key = Authority(tmp_path).sign("jupyter.example.edu", valid=valid)
    async with serving(chain, key) as port:
        gauge = Expiry(lambda: Endpoint(host="127.0.0.1", port=port, name="jupyter.example.edu"), LOG)
        assert sample(gauge) is None
        await gauge.look()
        assert sample(gauge) == end(chain)


async def test_a_renewed_certificate_is_seen_at_the_next_look(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    old = authority.sign("localhost", name="old", valid=timedelta(days=5))
    new = authority.sign("localhost", name="new", valid=timedelta(days=80))
    async with serving(*old) as port:
        gauge = Expiry(lambda: Endpoint(host="localhost", port=port), LOG)
        await gauge.look()
        assert sample(gauge) == end(old[0])
    async with serving(*new, port=port):
        await gauge.look()
    assert sample(gauge) == end(new[0])


async def test_where_tls_is_off_there_is_no_sample(tmp_path: Path) -> None:
    chain, key = Authority(tmp_path).sign("localhost")
    async with serving(chain, key) as port:
        now: list[Endpoint | None] = [Endpoint(host="localhost", port=port)]
        gauge = Expiry(lambda: now[0], LOG)
        await gauge.look()
        assert sample(gauge)
        now[0] = None
        await gauge.look()
        assert sample(gauge) is None


async def test_a_proxy_that_shows_none_leaves_no_sample_and_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = Authority(tmp_path).sign("localhost")
    async with serving(chain, key) as port:
        gauge = Expiry(lambda: Endpoint(host="127.0.0.1", port=port), LOG)
        await gauge.look()
        assert sample(gauge)
    await gauge.look()
    await gauge.look()
    assert sample(gauge) is None
    (line,) = caplog.messages
    assert line.startswith("certificate: 127.0.0.1 shows none: ConnectionRefusedError: ")


async def test_a_proxy_that_hangs_holds_the_look_up_for_a_while_and_nobody_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "PATIENCE", 0.3)
    done = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        looking = asyncio.create_task(Expiry(lambda: Endpoint(host="127.0.0.1", port=port), LOG).look())
        await asyncio.sleep(0.05)
        assert not looking.done(), "the loop waited for it"
        await looking
        done.set()
    assert "shows none: TimeoutError" in caplog.text


async def test_it_is_looked_at_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "PAUSE", 0.05)
    authority = Authority(tmp_path)
    chain, key = authority.sign("localhost")
    looks = 0

    def endpoint() -> Endpoint:
        nonlocal looks
        looks += 1
        return Endpoint(host="127.0.0.1", port=port)

    async with serving(chain, key) as port:
        following = asyncio.create_task(Expiry(endpoint, LOG).follow())
        async with asyncio.timeout(30):
            while looks < 3:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.02)
        following.cancel()
