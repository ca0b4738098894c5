"""Whether browsers will take a certificate: its key, its chain, its host names, its days."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coursehub.errors import CoursehubError

CHAIN, KEY = "tls.crt", "tls.key"
SOON = timedelta(days=21)

_LEAST_RSA = 2048
_CURVES = ("secp256r1", "secp384r1")
_OLD_HASHES = ("md5", "sha1")
_MAKE_ONE = "make one by: openssl ecparam -name prime256v1 -genkey -noout"


class UnusableFiles(CoursehubError):
    """Files that are not fit for use; `problems` has a sentence for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Facts:
    """What a certificate says: its names, who signed it, and when its chain ends (the first of it that does)."""

    names: tuple[str, ...]
    issuer: str
    serial: str
    ends: datetime

    def days(self, now: datetime) -> int:
        """Whole days left."""
        return (self.ends - now).days

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """What will be wrong soon."""
        if self.ends - now >= SOON:
            return ()
        left = "less than a day" if self.days(now) < 1 else f"{self.days(now)} days"
        return (f"{CHAIN}: {left} left (until {_day(self.ends)}); renew it now",)


def check(chain: bytes, key: bytes, hosts: Sequence[str], now: datetime) -> Facts:
    """The certificate in PEM files, good for `hosts` at `now`; raises UnusableFiles with each reason why it is not."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise UnusableFiles([f"{CHAIN}: holds no certificate that can be read; it has to be PEM"]) from None
    # One that is cut off is passed over in silence.
    if len(certificates) != chain.count(b"-----BEGIN "):
        raise UnusableFiles(
            [f"{CHAIN}: holds something else than whole certificates; take out keys, and what is cut off"]
        )
    try:
        problems = [*_key(certificates, key), *_links(certificates)]
        for number, certificate in enumerate(certificates, 1):
            problems += _one(certificate, _which(certificates, number), now)
        problems += _purpose(certificates[0], hosts)
        names = _names(certificates[0])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableFiles([f"{CHAIN}: a certificate in it cannot be read: {error}"]) from None
    if problems:
        raise UnusableFiles(problems)
    first = certificates[0]
    ends = min(certificate.not_valid_after_utc for certificate in certificates)
    return Facts(tuple(names), _called(first.issuer), f"{first.serial_number:x}", ends)


def distrust(chain: Path, key: Path, certificate: Facts) -> Iterator[str]:
    """What a client on this machine says to a server with these files, which finds a missing intermediate.

    `cryptography.x509.verification` would stumble over authorities that machines do have, and not say why.
    """
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    # As browsers have it; for which host it is, `check` looks at.
    client_side.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client_side.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server_side.load_cert_chain(chain, key)
        server = server_side.wrap_bio(to_server, to_client, server_side=True)
        client = client_side.wrap_bio(to_client, to_server)
        # Hello, certificate, finished.
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", None) or error.reason
        yield (
            f"{CHAIN}: this machine does not trust '{certificate.issuer}' ({why}); if browsers do not know it as an "
            "authority, append the certificates between it and one that they know"
        )


def _key(certificates: Sequence[x509.Certificate], text: bytes) -> Iterator[str]:
    try:
        public = load_pem_private_key(text, None).public_key()
    except TypeError:
        yield f"{KEY}: is encrypted, and nobody types its pass phrase; decrypt it: openssl pkey -in FILE -out {KEY}"
        return
    except (ValueError, UnsupportedAlgorithm):
        yield f"{KEY}: holds no private key that can be read; it has to be PEM (-----BEGIN PRIVATE KEY-----)"
        return
    wanted = _bits(public)
    found = [number for number, other in enumerate(certificates, 1) if _bits(other.public_key()) == wanted]
    if not found:
        yield f"{KEY}: is not the key of the certificate in {CHAIN}; take both from the same request"
    elif found[0] != 1:
        yield f"{CHAIN}: {KEY} is the key of its certificate {found[0]}; put that one first, then each one's issuer"


def _bits(public: Any) -> bytes:
    encoded: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _links(certificates: Sequence[x509.Certificate]) -> Iterator[str]:
    for number, (certificate, issuer) in enumerate(pairwise(certificates), 1):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"{CHAIN}: certificate {number} is signed by '{_called(certificate.issuer)}', and certificate "
                f"{number + 1} is '{_called(issuer.subject)}', which did not sign it; put the server's "
                "first, then each one's issuer"
            )
        else:
            if not _is_authority(issuer):
                yield f"{CHAIN}: {_which(certificates, number + 1)} may sign no others; get the chain again"


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _one(certificate: x509.Certificate, which: str, now: datetime) -> Iterator[str]:
    if now < certificate.not_valid_before_utc:
        yield f"{CHAIN}: {which} is valid from {_day(certificate.not_valid_before_utc)} on only; apply it then"
    if now >= certificate.not_valid_after_utc:
        yield f"{CHAIN}: {which} expired on {_day(certificate.not_valid_after_utc)}; get a new one"
    public = certificate.public_key()
    if isinstance(public, RSAPublicKey):
        if public.key_size < _LEAST_RSA:
            yield f"{CHAIN}: {which} has an RSA key of {public.key_size} bits, too weak; {_MAKE_ONE}"
    elif not (isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES):
        yield f"{CHAIN}: {which} has a kind of key that not all browsers take; {_MAKE_ONE}"
    algorithm = certificate.signature_hash_algorithm
    if algorithm and algorithm.name in _OLD_HASHES and certificate.issuer != certificate.subject:
        yield f"{CHAIN}: {which} is signed with {algorithm.name.upper()}, which browsers refuse; get a new one"


def _purpose(certificate: x509.Certificate, hosts: Sequence[str]) -> Iterator[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        pass
    else:
        if ExtendedKeyUsageOID.SERVER_AUTH not in usage:
            yield f"{CHAIN}: is no certificate for a web server (its extended key usage); ask for one"
    names = _names(certificate)
    for host in hosts:
        if not any(_is_for(name, host.lower()) for name in names):
            others = ", ".join(names) or "no host at all (browsers do not look at its common name)"
            yield f"{CHAIN}: is for {others}, not for {host}; get one with that name among its alternative names"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    return [*hosts, *map(str, found.get_values_for_type(x509.IPAddress))]


def _is_for(name: str, host: str) -> bool:
    """As browsers have it: a star stands for one label, the first, and never for a part of an address."""
    if name == host:
        return True
    try:
        return ip_address(name) == ip_address(host)
    except ValueError:
        _, dot, rest = host.partition(".")
        return bool(dot) and name == f"*.{rest}" and not host.replace(".", "").isdigit()


def _which(certificates: Sequence[x509.Certificate], number: int) -> str:
    if len(certificates) == 1:
        return "the certificate"
    return f"certificate {number}, '{_called(certificates[number - 1].subject)}',"


def _called(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
