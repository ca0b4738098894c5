"""A site's own authority: a server that it signed is taken by all that asks, beside those that the image's signed."""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from coursehub.hub import authorities
from coursehub.hub.registry import Registry
from coursehub.hub.usage import prometheus
from tornado.httpclient import AsyncHTTPClient
from traitlets.config import Config

from tests.authority import Authority

LOG = logging.getLogger("tests.authorities")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest_asyncio.fixture
async def url(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Of a provider whose certificate that authority signed."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("localhost"))
    app = web.Application()
    app.router.add_get("/{path:.*}", here)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    yield f"https://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()
    os.environ.pop("SSL_CERT_FILE", None)
    AsyncHTTPClient().close()


async def here(_: web.Request) -> web.Response:
    return web.Response(text="here")


def added(tmp_path: Path, **files: bytes) -> Path:
    folder = tmp_path / "authorities"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


async def begun() -> None:
    """What a registry runs has begun."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_logins_and_what_else_speaks_tls_take_it(url: str, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await AsyncHTTPClient().fetch(url)
    into = tmp_path / "secrets/authorities.crt"
    authorities.trust(added(tmp_path, uni=authority.file.read_bytes()), into, Registry(Config()), LOG)
    await begun()
    assert (await AsyncHTTPClient().fetch(url)).body == b"here"
    async with aiohttp.ClientSession(connector=await prometheus.trusting()) as session, session.get(url) as answer:
        assert await answer.text() == "here"


async def test_what_the_image_trusts_stays_trusted(url: str, tmp_path: Path, authority: Authority) -> None:
    before = ssl.create_default_context().cert_store_stats()["x509_ca"]
    into = tmp_path / "secrets/authorities.crt"
    authorities.trust(added(tmp_path, uni=authority.file.read_bytes()), into, Registry(Config()), LOG)
    known = ssl.create_default_context()
    assert known.cert_store_stats()["x509_ca"] == before + 1


async def test_a_file_that_is_no_certificate_is_left_out_and_said(
    url: str, tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    into = tmp_path / "secrets/authorities.crt"
    folder = added(tmp_path, broken=b"PEM", uni=authority.file.read_bytes())
    authorities.trust(folder, into, Registry(Config()), LOG)
    await begun()
    assert (await AsyncHTTPClient().fetch(url)).body == b"here"
    assert "authorities: broken holds no certificate that can be read (PEM), and is left out" in caplog.text


async def test_without_any_logins_know_those_of_the_image_wherever_libcurl_was_built_to_look(
    url: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    into = tmp_path / "secrets/authorities.crt"
    authorities.trust(tmp_path / "nowhere", into, Registry(Config()), LOG)
    await begun()
    assert AsyncHTTPClient().defaults["ca_certs"] == str(authority.file)
    assert (await AsyncHTTPClient().fetch(url)).body == b"here"
    assert not into.exists()
