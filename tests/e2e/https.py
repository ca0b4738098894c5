"""The hub behind https, by a certificate of the tests' own authority."""

import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from cryptography import x509

from ci.cluster.network import NODE_IP
from tests.authority import Authority

from .cluster import COURSES, Installation, until
from .person import Person, arrive

PORT = 30443
HOST = "coursehub.example"
URL = f"https://{HOST}:{PORT}"
SERVERS = f"https://{{person}}.{HOST}:{PORT}"
SECRET = "coursehub-tls"
HTTPS = [
    *("--set", "jupyterhub.proxy.https.enabled=true", "--set", "jupyterhub.proxy.https.type=secret"),
    *("--set", f"jupyterhub.proxy.https.secret.name={SECRET}"),
    *("--set", f"jupyterhub.proxy.service.nodePorts.https={PORT}"),
    *("--set", f"jupyterhub.hub.config.JupyterHub.subdomain_host={URL}"),
    # It would not trust the authority.
    *("--set", "monitoring.spawnTest.enabled=false"),
]


@dataclass
class Https:
    """The hub behind https, and the admin who has the certificates."""

    installation: Installation
    authority: Authority
    folder: Path
    people: list[Person] = field(default_factory=list)

    def log_in(self, name: str) -> Person:
        """Somebody whose server is stopped at the end."""
        self.people.append(Person(URL, name, self.installation.password))
        return self.people[-1]

    def certify(self, days: int) -> x509.Certificate:
        """A new certificate in the admin's folder."""
        chain, key = self.authority.sign(HOST, f"*.{HOST}", valid=timedelta(days=days))
        for made in (chain, key):
            made.rename(self.folder / made.name)
        return x509.load_pem_x509_certificate((self.folder / chain.name).read_bytes())

    def apply(self, *options: str) -> dict[str, Any]:
        """What `coursehub secrets apply` says."""
        words = ("secrets", "apply", str(self.folder), "--host", HOST, "--host", f"*.{HOST}", "--json", *options)
        said: dict[str, Any] = json.loads(self.installation.coursehub(*words))
        return said

    def answers(self) -> bool:
        """Whether the way to the hub itself works."""
        try:
            return httpx.get(f"{URL}/hub/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def serial(self) -> int | None:
        """Of the certificate that a new connection gets, held against the authority; None while nobody answers."""
        trust = ssl.create_default_context(cafile=self.authority.file)
        try:
            with (
                socket.create_connection((NODE_IP, PORT), timeout=5) as connection,
                trust.wrap_socket(connection, server_hostname=HOST) as secured,
            ):
                return int(str((secured.getpeercert() or {})["serialNumber"]), 16)
        except ssl.SSLCertVerificationError:
            raise
        except OSError:
            return None


@contextmanager
def served(installation: Installation, folder: Path, *values: str) -> Iterator[Https]:
    """The hub with https and the words of helm in `values`, trusted by this process; afterwards all is as before."""
    arrive()
    authority, secrets = Authority(folder), folder / "secrets"
    secrets.mkdir()
    made = Https(installation, authority, secrets)
    try:
        with patch.dict(os.environ, SSL_CERT_FILE=str(authority.file)):
            made.certify(days=30)
            said = made.apply()
            assert (said["secrets"][0]["what"], said["proxy"]) == ("made", "elsewhere")
            # Kubernetes' times are whole seconds: the proxy is to be later than its certificate.
            time.sleep(1)
            installation.helm(COURSES, *HTTPS, *values)
            until(installation.hub_is_ready, 90, "the hub with https")
            until(made.answers, 60, "the hub behind https")
            try:
                yield made
            finally:
                for person in made.people:
                    person.stop()
    finally:
        installation.helm(COURSES)
        installation.kubectl("delete", "secret", SECRET, "--ignore-not-found")
        until(installation.hub_is_ready, 90, "the hub as before")
