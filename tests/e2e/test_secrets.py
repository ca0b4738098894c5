"""https by a certificate of the tests' own authority, as a browser sees it, and its renewal while somebody works."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from playwright.sync_api import Browser, Page, Response

from ci.cluster.network import NODE_IP
from tests.chromium import DEAF

from .browsing import log_in_by_browser
from .cluster import Installation, until
from .conftest import FLAGS
from .https import HOST, Https, served

pytestmark = pytest.mark.alone

METRIC = "coursehub_certificate_expiry_timestamp_seconds"


def what(said: dict[str, Any]) -> list[str]:
    """What became of the Secrets, and how the proxy is."""
    return [*(each["what"] for each in said["secrets"]), said["proxy"]]


@pytest.fixture
def https(installation: Installation, tmp_path: Path) -> Iterator[Https]:
    """The hub with https; afterwards all is as before."""
    with served(installation, tmp_path) as made:
        yield made


@pytest.fixture
def trusting(https: Https, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser of somebody who trusts the authority, and nothing that is wrong."""
    home = tmp_path / "home"
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    authority = str(https.authority.file)
    for words in (["-N", "--empty-password"], ["-A", "-n", "tests", "-t", "C,,", "-i", authority]):
        subprocess.run(["certutil", *words, "-d", f"sql:{database}"], check=True, capture_output=True)
    # Browsers lead no such names anywhere by themselves.
    names = f"--host-resolver-rules=MAP {HOST} {NODE_IP}, MAP *.{HOST} {NODE_IP}"
    environment = DEAF["env"] | {"HOME": str(home)}
    browser = chromium.browser_type.launch(**DEAF | {"env": environment}, args=[*FLAGS, names])
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

    until(maria.reaches_server, 120, "the way to the server again")
    assert until(lambda: kernel.printed("print(answer + 1)"), 60, "the kernel's websocket") == "42\n"
    now = installation.pod_of("maria")
    assert now is not None
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    assert ends(trusting.reload()) == end
    assert "/hub/login" not in trusting.url, "the browser was logged out"
    assert what(https.apply("--restart-proxy")) == ["unchanged", "current"]
    sofia = https.log_in("sofia")
    until(lambda: sofia.metrics().get(METRIC) == end, 120, "the renewed certificate's end in the metrics", every=3)
