"""An authority of the tests' own, which signs certificates for host names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Its certificate is in `file`, signed by `above` or by itself."""

    def __init__(self, folder: Path, name: str = "tests", above: Authority | None = None) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = _name(f"authority of the {name}")
        self.file = folder / f"{name}-ca.crt"
        signer = above or self
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = signer._builder(self._issuer, self._key, timedelta(days=90))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        made = made.add_extension(usage, critical=True)
        self.file.write_bytes(made.sign(signer._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(
        self,
        *hosts: str,
        name: str = "tls",
        valid: timedelta = timedelta(days=1),
        key: Key | None = None,
        usage: x509.ObjectIdentifier | None = None,
    ) -> tuple[Path, Path]:
        """The files of a certificate for `hosts` and its key; a second one of the same name takes their place."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in hosts]
        made = self._builder(_name(hosts[0]), key, valid)
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        if usage:
            made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        chain, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        chain.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(pem))
        secret.touch(0o600)
        secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        return chain, secret

    def _builder(self, subject: x509.Name, key: Key, valid: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        begin = min(now, now + valid) - timedelta(hours=1)
        made = x509.CertificateBuilder(
            self._issuer, subject, key.public_key(), x509.random_serial_number(), begin, now + valid
        )
        # Python 3.13 insists on both.
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return made.add_extension(issuer, critical=False)
