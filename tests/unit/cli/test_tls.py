"""A certificate that browsers would not take is refused before anything is changed, each reason in a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from coursehub.cli import tls
from coursehub.cli.tls import UnusableFiles
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.authority import Authority

HOST = "jupyter.example.edu"
NOW = datetime.now(UTC)
MONTHS = timedelta(days=80)
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused


@dataclass
class Files:
    """The two files, and who signs."""

    root: Authority
    middle: Authority
    folder: Path

    def sign(self, *hosts: str, valid: timedelta = MONTHS, **options: object) -> tuple[bytes, bytes]:
        """A chain of two, as an authority hands it out, and its key."""
        leaf, key = self.middle.sign(*(hosts or (HOST,)), valid=valid, **options)  # type: ignore[arg-type]
        return leaf.read_bytes() + self.middle.file.read_bytes(), key.read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    root = Authority(tmp_path, "university")
    return Files(root, Authority(tmp_path, "computing centre", above=root), tmp_path)


def refusals(chain: bytes, key: bytes, host: str = HOST, now: datetime = NOW) -> tuple[str, ...]:
    """The reasons why the files are refused."""
    with pytest.raises(UnusableFiles) as refused:
        tls.check(chain, key, [host], now)
    return refused.value.problems


def test_a_good_certificate_is_told_by_its_names_issuer_serial_and_days(files: Files) -> None:
    facts = tls.check(*files.sign(HOST, "*.jupyter.example.edu"), [HOST], NOW)
    assert facts.names == (HOST, "*.jupyter.example.edu")
    assert facts.issuer == "authority of the computing centre"
    assert re.fullmatch("[0-9a-f]+", facts.serial)
    assert facts.days(NOW) in (79, 80)
    assert facts.warnings(NOW) == ()


def test_the_root_may_end_the_chain_and_one_certificate_of_a_known_root_is_enough(files: Files) -> None:
    chain, key = files.sign()
    tls.check(chain + files.root.file.read_bytes(), key, [HOST], NOW)
    leaf, key_file = files.root.sign(HOST, valid=MONTHS)
    tls.check(leaf.read_bytes(), key_file.read_bytes(), [HOST], NOW)


@pytest.mark.parametrize(
    ("left", "message"),
    [
        pytest.param(timedelta(days=22), None, id="22 days"),
        pytest.param(timedelta(days=20, hours=1), "tls.crt: 20 days left (until ", id="20 days"),
        pytest.param(timedelta(hours=3), "tls.crt: less than a day left (until ", id="three hours"),
    ],
)
def test_under_21_days_are_a_warning(files: Files, left: timedelta, message: str | None) -> None:
    facts = tls.check(*files.sign(valid=left), [HOST], NOW)
    assert bool(facts.warnings(NOW)) == (message is not None)
    assert all(text.startswith(message or "") and text.endswith("; renew it now") for text in facts.warnings(NOW))


def test_what_ends_first_in_the_chain_counts(files: Files) -> None:
    facts = tls.check(*files.sign(valid=timedelta(days=400)), [HOST], NOW)
    assert facts.days(NOW) in (89, 90), "the issuer's end is not looked at"


@pytest.mark.parametrize(
    ("names", "host"),
    [
        ([HOST], "Jupyter.Example.edu"),
        (["*.example.edu"], HOST),
        (["*.example.edu"], "*.example.edu"),
        (["127.0.0.1", "localhost"], "127.0.0.1"),
    ],
)
def test_a_host_is_among_the_names(files: Files, names: list[str], host: str) -> None:
    tls.check(*files.sign(*names), [host], NOW)


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["other.example.edu"], HOST),
        (["*.example.edu"], "a.b.example.edu"),
        (["*.example.edu"], "example.edu"),
        (["*.0.0.1"], "127.0.0.1"),
        (["127.0.0.1"], "127.0.0.2"),
    ],
)
def test_another_host_is_not(files: Files, names: list[str], host: str) -> None:
    (message,) = refusals(*files.sign(*names), host=host)
    assert message == f"tls.crt: is for {names[0]}, not for {host}; get one with that name among its alternative names"


def _another_key(files: Files) -> tuple[bytes, bytes]:
    return files.sign()[0], files.sign()[1]


def _encrypted(files: Files) -> tuple[bytes, bytes]:
    chain, key = files.sign()
    secret = load_pem_private_key(key, None)
    return chain, secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


def _cut_off(files: Files) -> tuple[bytes, bytes]:
    chain, key = files.sign()
    return chain[:-200], key


def _with_key(files: Files) -> tuple[bytes, bytes]:
    chain, key = files.sign()
    return chain + key, key


def _reversed(files: Files) -> tuple[bytes, bytes]:
    leaf, key = files.middle.sign(HOST, valid=MONTHS)
    return files.middle.file.read_bytes() + leaf.read_bytes(), key.read_bytes()


def _left_out(files: Files) -> tuple[bytes, bytes]:
    leaf, key = files.middle.sign(HOST, valid=MONTHS)
    return leaf.read_bytes() + files.root.file.read_bytes(), key.read_bytes()


def _same_name(files: Files) -> tuple[bytes, bytes]:
    """As the issuer is called, and not the issuer."""
    leaf, key = files.middle.sign(HOST, valid=MONTHS)
    impostor = Authority(files.folder, "computing centre")
    return leaf.read_bytes() + impostor.file.read_bytes(), key.read_bytes()


def _not_first_key(files: Files) -> tuple[bytes, bytes]:
    return files.sign(name="one")[0] + files.sign(name="two")[0], files.folder.joinpath("two.key").read_bytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(_another_key, "tls.key: is not the key of the certificate in tls.crt; ", id="another key"),
        pytest.param(_encrypted, "tls.key: is encrypted, and nobody types its pass phrase; ", id="encrypted"),
        pytest.param(lambda f: (f.sign()[0], b""), "tls.key: holds no private key that can be read; ", id="no key"),
        pytest.param(
            lambda f: f.sign()[::-1], "tls.crt: holds no certificate that can be read; it has to be PEM", id="swapped"
        ),
        pytest.param(lambda f: (b"\x30\x82\x01", f.sign()[1]), "tls.crt: holds no certificate that", id="DER"),
        pytest.param(_cut_off, "tls.crt: holds something else than whole certificates; ", id="cut off"),
        pytest.param(_with_key, "tls.crt: holds something else than whole certificates; ", id="the key too"),
        pytest.param(
            _reversed,
            "tls.crt: tls.key is the key of its certificate 2; put that one first, then each one's issuer",
            id="the issuer first",
        ),
        pytest.param(
            _left_out,
            "tls.crt: certificate 1 is signed by 'authority of the computing centre', and certificate 2 is 'authority "
            "of the university', which did not sign it; ",
            id="one left out",
        ),
        pytest.param(
            _same_name, "tls.crt: certificate 1 is signed by 'authority of the computing centre', ", id="forged"
        ),
        pytest.param(_not_first_key, "tls.crt: tls.key is the key of its certificate 3; put that one", id="two in one"),
        pytest.param(lambda f: f.sign(valid=-timedelta(days=1)), "tls.crt: certificate 1, '", id="expired"),
        pytest.param(
            lambda f: f.sign(key=WEAK),
            f"tls.crt: certificate 1, '{HOST}', has an RSA key of 1024 bits, too weak; make one by: ",
            id="a weak key",
        ),
        pytest.param(
            lambda f: f.sign(key=ed25519.Ed25519PrivateKey.generate()),
            f"tls.crt: certificate 1, '{HOST}', has a kind of key that not all browsers take; ",
            id="a key that browsers do not know",
        ),
        pytest.param(
            lambda f: f.sign(key=ec.generate_private_key(ec.SECP256K1())),
            f"tls.crt: certificate 1, '{HOST}', has a kind of key that not all browsers take; ",
            id="a curve that browsers do not know",
        ),
        pytest.param(
            lambda f: f.sign(usage=ExtendedKeyUsageOID.CLIENT_AUTH),
            "tls.crt: is no certificate for a web server (its extended key usage); ask for one",
            id="of a client",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(files: Files, make: Callable[[Files], tuple[bytes, bytes]], message: str) -> None:
    assert any(text.startswith(message) for text in refusals(*make(files))), refusals(*make(files))


def test_a_certificate_of_tomorrow_is_not_applied_today(files: Files) -> None:
    (*_, message) = refusals(*files.sign(), now=NOW - timedelta(days=1))
    assert "is valid from " in message
    assert message.endswith(" on only; apply it then")


def test_an_expired_one_says_since_when(files: Files) -> None:
    chain, key = files.sign(valid=timedelta(days=10))
    end = x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc
    (message,) = refusals(chain, key, now=NOW + timedelta(days=11))
    assert message == f"tls.crt: certificate 1, '{HOST}', expired on {end:%Y-%m-%d %H:%M} UTC; get a new one"


def test_who_signed_has_to_be_an_authority(files: Files) -> None:
    """Otherwise whoever has a certificate could make others'."""
    holder = Authority(files.folder, "holder", above=files.root)
    leaf, key = holder.sign(HOST, valid=MONTHS)
    own, _ = files.root.sign("authority of the holder", name="own", valid=MONTHS, key=holder._key)
    (message,) = refusals(leaf.read_bytes() + own.read_bytes(), key.read_bytes())
    assert message == "tls.crt: certificate 2, 'authority of the holder', may sign no others; get the chain again"


def test_all_that_is_wrong_is_said_at_once(files: Files) -> None:
    chain, _ = files.sign("other.example.edu", valid=-timedelta(days=1))
    assert len(refusals(chain, files.sign(name="another")[1])) == 3
