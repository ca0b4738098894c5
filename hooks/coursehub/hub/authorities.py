"""Authorities of the site's own, whose certificates the hub takes as it does those of its image's."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from tornado.httpclient import AsyncHTTPClient

from coursehub import atomic
from coursehub.log import Log

from .registry import Registry

# Where Debian keeps those of the image in one file.
_IMAGE = Path("/etc/ssl/certs/ca-certificates.crt")
# Where OpenSSL looks, in this process and in each that it starts.
_VARIABLE = "SSL_CERT_FILE"


def trust(folder: Path, into: Path, registry: Registry, log: Log) -> None:
    """Has all that speaks TLS from now on take what is in the PEM files of `folder`, too; `into` is where it is put.

    That is LDAP, the provisioner, Prometheus, and by JupyterHub's own client the pages of an identity provider. A file
    that cannot be read is left out, and the log says so.
    """
    known = Path(ssl.get_default_verify_paths().cafile or _IMAGE)
    if added := list(_readable(folder, log)):
        atomic.write(into, [*([known.read_bytes()] if known.is_file() else []), *added])
        os.environ[_VARIABLE] = str(into)
        known = into
    if known.is_file():
        registry.run(_for_logins(known))


async def _for_logins(authorities: Path) -> None:
    # libcurl, as it comes with pycurl, looks where Debian has no such file. There is one such client a loop, which
    # JupyterHub and its authenticators share.
    AsyncHTTPClient().defaults["ca_certs"] = str(authorities)


def _readable(folder: Path, log: Log) -> Iterator[bytes]:
    for path in sorted(folder.glob("*")):
        content = path.read_bytes()
        try:
            x509.load_pem_x509_certificates(content)
        except ValueError:
            log.error("authorities: %s holds no certificate that can be read (PEM), and is left out", path.name)
        else:
            yield content.rstrip() + b"\n"
