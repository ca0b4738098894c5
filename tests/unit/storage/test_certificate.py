"""The provisioner on a storage host: over real HTTPS, asked as the hub asks."""

import logging
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from coursehub.config.settings import ProvisionerService
from coursehub.errors import Refused
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.protocol import HomeRequest

from tests.authority import Authority
from tests.server import ROOT, Server, server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
LOG = logging.getLogger("tests")
MARIA = HomeRequest(verb="home", name="maria", uid=20001, gid=20001)
UNPROVEN = r"did not prove who it is\. .* tell the administrators"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def host(tmp_path: Path, authority: Authority, *hosts: str, valid: timedelta = timedelta(days=1)) -> Server:
    """The service with a certificate for `hosts`, not started yet."""
    chain, key = authority.sign(*hosts, valid=valid)
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    made = server(tmp_path / "service", root)
    return replace(made, authority=authority.file, tls=(f"--certificate={chain}", f"--key={key}"))


@pytest.fixture
def storage(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    """The service with a right certificate."""
    with host(tmp_path, authority, "localhost", "127.0.0.1").running() as running:
        yield running


def hub(tmp_path: Path, authority: Path | None) -> Provisioner:
    """The hub, whose Secret has the right token, and the authority where one is given."""
    secret = tmp_path / "secret"
    secret.mkdir(exist_ok=True)
    (secret / "token").write_text("right-token")
    (secret / "ca.crt").unlink(missing_ok=True)
    if authority is not None:
        (secret / "ca.crt").write_bytes(authority.read_bytes())
    return Provisioner(secret / "token", LOG)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_the_hub_asks_a_service_whose_certificate_is_of_the_authority_and_the_host(
    storage: Server, tmp_path: Path, authority: Authority, name: str
) -> None:
    service = ProvisionerService(url=f"https://{name}:{storage.port}", timeout=10)
    await hub(tmp_path, authority.file).ensure(service, [MARIA])
    assert (storage.root / "home/01/maria").stat().st_uid == 20001


@pytest.fixture
def by_hand(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    """The service with the certificate that the admins' page makes, which is its own authority."""
    page = (ROOT / "docs/admins/doors.md").read_text()
    command = page[page.index("openssl req -x509") :].partition("```")[0].replace("storage.example.edu", "localhost")
    made = replace(host(tmp_path, authority, "localhost"), authority=tmp_path / "tls.crt")
    # Its files take the place of the fixture's.
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True, capture_output=True)
    with made.running() as running:
        yield running


async def test_the_certificate_of_the_admins_page_is_one_that_the_hub_takes(by_hand: Server, tmp_path: Path) -> None:
    await hub(tmp_path, by_hand.authority).ensure(ProvisionerService(url=by_hand.url, timeout=10), [MARIA])


@pytest.mark.parametrize("given", ["another", "none"])
async def test_of_another_authority_nothing_is_asked(
    storage: Server, tmp_path: Path, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without ca.crt the image's own authorities count, which do not know this one."""
    other = Authority(tmp_path, "others").file if given == "another" else None
    with pytest.raises(Refused, match=UNPROVEN):
        await hub(tmp_path, other).ensure(ProvisionerService(url=storage.url, timeout=10), [MARIA])
    assert "certificate verify failed" in caplog.text
    assert not (storage.root / "home").exists()


@pytest.mark.parametrize(
    ("hosts", "valid", "logged"),
    [
        pytest.param(["storage.example.edu"], timedelta(days=1), "not valid for 'localhost'", id="another host's"),
        pytest.param(["localhost"], timedelta(minutes=-5), "certificate has expired", id="expired"),
    ],
)
async def test_with_a_certificate_that_is_not_its_own_or_too_old_nothing_is_asked(
    tmp_path: Path,
    authority: Authority,
    hosts: list[str],
    valid: timedelta,
    logged: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with host(tmp_path, authority, *hosts, valid=valid).running() as wrong:
        with pytest.raises(Refused, match=UNPROVEN):
            await hub(tmp_path, authority.file).ensure(ProvisionerService(url=wrong.url, timeout=10), [MARIA])
        assert logged in caplog.text
        assert "refused a request" not in wrong.log.read_text(), "the token has gone out"
        assert not (wrong.root / "home").exists()


async def test_a_service_that_speaks_plain_http_at_an_https_address_gets_no_token(
    tmp_path: Path, authority: Authority
) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    with server(tmp_path / "service", root).running() as plain:
        address = ProvisionerService(url=f"https://localhost:{plain.port}", timeout=10)
        with pytest.raises(Refused, match="does not answer"):
            await hub(tmp_path, authority.file).ensure(address, [MARIA])
        assert not (root / "home").exists()


async def test_an_authority_that_is_renewed_in_the_secret_is_used_at_once(
    storage: Server, tmp_path: Path, authority: Authority
) -> None:
    ours = hub(tmp_path, Authority(tmp_path, "others").file)
    service = ProvisionerService(url=storage.url, timeout=10)
    with pytest.raises(Refused, match=UNPROVEN):
        await ours.ensure(service, [MARIA])
    hub(tmp_path, authority.file)
    await ours.ensure(service, [MARIA])


@pytest.mark.parametrize("content", ["", "no certificate\n"], ids=["empty", "no certificate"])
async def test_an_authority_that_is_none_trusts_nobody(storage: Server, tmp_path: Path, content: str) -> None:
    (tmp_path / "none.crt").write_text(content)
    with pytest.raises(Refused, match="does not answer"):
        await hub(tmp_path, tmp_path / "none.crt").ensure(ProvisionerService(url=storage.url, timeout=10), [MARIA])


def serial(service: Server) -> int:
    """Of the certificate that a new connection gets."""
    trust = ssl.create_default_context(cafile=service.authority)
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection,
        trust.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        found = secured.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


def test_a_renewed_certificate_is_used_without_a_restart_and_half_a_one_is_not(
    storage: Server, authority: Authority
) -> None:
    first = serial(storage)
    assert serial(storage) == first
    chain, key = authority.sign("localhost", name="new")
    there = [Path(word.partition("=")[2]) for word in storage.tls]
    chain.replace(there[0])
    assert serial(storage) == first, "the new certificate is not of the old key"
    assert "stays as it was" in storage.log.read_text()
    key.replace(there[1])
    assert serial(storage) != first
    assert "the certificate is renewed" in storage.log.read_text()
    there[1].unlink()
    assert storage.ask(MARIA.model_dump())[0] == 200


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param([], 2, "without TLS the token is everybody's on the way", id="to all"),
        pytest.param(["--host=0.0.0.0"], 2, "without TLS the token is", id="an address of all"),
        pytest.param(["--host=storage.example.edu"], 2, "without TLS the token is", id="a name"),
        pytest.param(["--certificate=tls.crt"], 2, "--certificate and --key belong together", id="no key"),
        pytest.param(["--certificate=no.crt", "--key=no.key"], 1, "is no certificate: ", id="no such file"),
    ],
)
def test_it_does_not_start_where_the_token_could_be_read_on_the_way(
    tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "token").write_text("secret")
    command = (sys.executable, "-P", "-B", "-m", "coursehub.service", "--root=.", "--token=token", "--port=0")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "hooks")}
    done = subprocess.run(
        [*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
