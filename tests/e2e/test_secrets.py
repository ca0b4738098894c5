"""https by a certificate of the tests' own authority, as a browser sees it, and its renewal while somebody works."""

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from playwright.sync_api import Browser, Page, Response

from ci.cluster.network import NODE_IP
from tests.authority import Authority

from .cluster import ROOT, Installation, until
from .conftest import CHROMIUM, FLAGS
from .person import Person
from .test_student import log_in_by_browser

PORT = 30443
SECRET = "coursehub-tls"
HTTPS = [
    *("--set", "jupyterhub.proxy.https.enabled=true", "--set", "jupyterhub.proxy.https.type=secret"),
    *("--set", f"jupyterhub.proxy.https.secret.name={SECRET}"),
    *("--set", f"jupyterhub.proxy.service.nodePorts.https={PORT}"),
    # It would not trust the authority.
    *("--set", "monitoring.spawnTest.enabled=false"),
]
METRIC = "coursehub_certificate_expiry_timestamp_seconds"


@dataclass
class Https:
    """The hub behind https, and the admin who has the certificates."""

    installation: Installation
    authority: Authority
    folder: Path
    people: list[Person] = field(default_factory=list)

    def log_in(self, name: str) -> Person:
        """Somebody whose server is stopped at the end."""
        self.people.append(Person(f"https://{NODE_IP}:{PORT}", name, self.installation.password))
        return self.people[-1]

    def certify(self, days: int) -> x509.Certificate:
        """A new certificate in the admin's folder."""
        chain, key = self.authority.sign(NODE_IP, valid=timedelta(days=days))
        for made in (chain, key):
            made.rename(self.folder / made.name)
        return x509.load_pem_x509_certificate((self.folder / chain.name).read_bytes())

    def apply(self, *options: str) -> dict[str, Any]:
        """What `coursehub secrets apply` says."""
        words = ("secrets", "apply", str(self.folder), "--host", NODE_IP, "--json", *options)
        said: dict[str, Any] = json.loads(self.installation.coursehub(*words))
        return said

    def serial(self) -> int | None:
        """Of the certificate that a new connection gets, held against the authority; None while nobody answers."""
        trust = ssl.create_default_context(cafile=self.authority.file)
        try:
            with (
                socket.create_connection((NODE_IP, PORT), timeout=5) as connection,
                trust.wrap_socket(connection, server_hostname=NODE_IP) as secured,
            ):
                return int(str((secured.getpeercert() or {})["serialNumber"]), 16)
        except ssl.SSLCertVerificationError:
            raise
        except OSError:
            return None


def what(said: dict[str, Any]) -> list[str]:
    """What became of the Secrets, and how the proxy is."""
    return [*(each["what"] for each in said["secrets"]), said["proxy"]]


@pytest.fixture
def https(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Https]:
    """The hub with https; afterwards all is as before."""
    authority, folder = Authority(tmp_path), tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    made = Https(installation, authority, folder)
    try:
        made.certify(days=30)
        assert what(made.apply()) == ["made", "elsewhere"]
        installation.helm(ROOT / "values/courses.yaml", *HTTPS)
        until(installation.hub_is_ready, 90, "the hub with https")
        installation.hurry()
        until(made.serial, 60, "the proxy with https")
        yield made
        for person in made.people:
            person.stop()
    finally:
        installation.helm(ROOT / "values/courses.yaml")
        installation.kubectl("delete", "secret", SECRET, "--ignore-not-found")
        until(installation.hub_is_ready, 90, "the hub as before")


@pytest.fixture
def trusting(https: Https, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser of somebody who trusts the authority, and nothing that is wrong."""
    home = tmp_path / "home"
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    authority = str(https.authority.file)
    for words in (["-N", "--empty-password"], ["-A", "-n", "tests", "-t", "C,,", "-i", authority]):
        subprocess.run(["certutil", *words, "-d", f"sql:{database}"], check=True, capture_output=True)
    environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(home)}
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=FLAGS, env=environment)
    page = browser.new_page()
    page.set_default_timeout(60_000)
    yield page
    browser.close()


def ends(response: Response | None) -> float:
    """When the certificate ends with which the browser was content."""
    assert response is not None
    assert response.ok
    details = response.security_details()
    assert details is not None
    return details["validTo"] or 0.0


def test_a_renewed_certificate_is_served_and_a_running_server_works_on(
    https: Https, trusting: Page, installation: Installation
) -> None:
    assert what(https.apply("--restart-proxy")) == ["unchanged", "current"]
    maria = https.log_in("maria")
    maria.start("general")
    pod = installation.pod_of("maria")
    assert pod is not None
    kernel = maria.kernel()
    kernel.run("answer = 41")
    first = x509.load_pem_x509_certificate((https.folder / "tls.crt").read_bytes())
    assert ends(trusting.goto(f"{maria.url}/hub/login")) == first.not_valid_after_utc.timestamp()
    log_in_by_browser(trusting, replace(installation, url=maria.url), "maria")

    renewed = https.certify(days=60)
    with kernel.channel():
        assert what(https.apply("--restart-proxy")) == ["changed", "restarted"]
    until(lambda: https.serial() == renewed.serial_number, 60, "the renewed certificate served")
    end = renewed.not_valid_after_utc.timestamp()

    until(lambda: maria.server("GET", "/api/status").status_code == 200, 120, "the way to the server again")
    assert kernel.run("print(answer + 1)") == "42\n"
    now = installation.pod_of("maria")
    assert now is not None
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    assert ends(trusting.reload()) == end
    assert "/hub/login" not in trusting.url, "the browser was logged out"
    assert what(https.apply("--restart-proxy")) == ["unchanged", "current"]
    sofia = https.log_in("sofia")
    until(lambda: sofia.metrics().get(METRIC) == end, 120, "the renewed certificate's end in the metrics", every=3)
