"""Keys and certificates: private, each for its one use, and kept as long as running pods trust them."""

import subprocess

import pytest

from ci.cluster import pki
from ci.cluster.layout import Layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder = tmp_path_factory.mktemp("cluster")
    made = Layout(folder / "state", folder / "cache", 8000)
    made.state.mkdir()
    pki.ensure(made)
    return made


def test_keys_are_private_and_stay(layout: Layout) -> None:
    before = {path: path.read_bytes() for path in layout.pki.iterdir()}
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in before if path.suffix == ".key"} == {
        f"{name}.key": "0o0" for name in (*pki.AUTHORITIES, *(one.name for one in pki.CERTIFICATES), "tokens")
    }
    pki.ensure(layout)
    assert {path: path.read_bytes() for path in layout.pki.iterdir()} == before


def test_changed_certificates_keep_what_running_pods_trust(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = {name: (layout.pki / name).read_bytes() for name in ("ca.crt", "etcd-ca.crt", "tokens.key")}
    old = (layout.pki / "admin.crt").read_bytes()
    monkeypatch.setattr(pki, "DAYS", "30")
    pki.ensure(layout)
    assert {name: (layout.pki / name).read_bytes() for name in trusted} == trusted
    assert (layout.pki / "admin.crt").read_bytes() != old


@pytest.mark.parametrize("certificate", pki.CERTIFICATES, ids=lambda certificate: certificate.name)
def test_each_certificate_is_good_for_its_one_use(layout: Layout, certificate: pki.Certificate) -> None:
    for purpose in ("sslclient", "sslserver"):
        verify = ["openssl", "verify", "-purpose", purpose, "-CAfile", f"{certificate.authority}.crt"]
        done = subprocess.run([*verify, f"{certificate.name}.crt"], cwd=layout.pki, capture_output=True, check=False)
        meant = {"sslclient": "clientAuth", "sslserver": "serverAuth"}[purpose] in certificate.usage()
        assert (done.returncode == 0) == meant, done.stderr


def test_no_certificate_of_the_cluster_opens_etcd(layout: Layout) -> None:
    command = ["openssl", "verify", "-CAfile", "etcd-ca.crt", "admin.crt"]
    assert subprocess.run(command, cwd=layout.pki, capture_output=True, check=False).returncode != 0
