"""`coursehub secrets apply`: what an admin sees, and what becomes of the cluster's Secrets."""

import base64
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from coursehub.cli import main

from tests.authority import Authority
from tests.kubectl import Cluster
from tests.unit.cli.command import wrong_usage

HOST = "jupyter.example.edu"
SITE = """\
jupyterhub:
  proxy: {https: {enabled: true, type: secret, hosts: [jupyter.example.edu], secret: {name: jupyter-tls}}}
  hub: {existingSecret: hub-secret}
  imagePullSecrets: [registry]
"""
PROVISIONED = SITE + "storage: {provisioner: {enabled: true, existingSecret: true}}\n"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that this machine knows."""
    made = Authority(tmp_path, "university")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path / "cluster")
    made.use(monkeypatch)
    return made


@pytest.fixture
def folder(tmp_path: Path, authority: Authority, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    """secrets/, with a certificate of 80 days."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text(SITE)
    made = tmp_path / "secrets"
    made.mkdir()
    certify(made, authority)
    return made


def certify(folder: Path, authority: Authority, *hosts: str, days: int = 80) -> None:
    """Puts a new certificate into the folder."""
    chain, key = authority.sign(*(hosts or (HOST,)), valid=timedelta(days=days))
    for made in (chain, key):
        made.rename(folder / made.name)


def private(folder: Path, name: str, text: str) -> None:
    (folder / name).touch(0o600)
    (folder / name).write_text(text)


def gradebook(folder: Path, slug: str, text: str) -> Path:
    (folder / "gradebooks").mkdir(exist_ok=True)
    private(folder / "gradebooks", slug, text)
    return folder / "gradebooks" / slug


def apply(*options: str) -> int:
    """The exit code of the command on secrets/ with the site's values."""
    return main.main(["secrets", "apply", "secrets", "--site", "site.yaml", *options])


def content(cluster: Cluster, secret: str) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in cluster.secrets[secret]["data"].items()}


def test_the_first_time_the_secret_of_the_values_is_made_and_then_left_alone(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply() == 0
    output = capsys.readouterr()
    first, second, third = output.out.splitlines()
    assert first == "secret jupyter-tls in coursehub: made"
    assert second.startswith(f"certificate: {HOST}; 79 days left, until ")
    assert third == "proxy: is not installed yet"
    assert not output.err
    assert content(cluster, "coursehub/jupyter-tls") == {
        name: (folder / name).read_bytes() for name in ("tls.crt", "tls.key")
    }
    assert cluster.secrets["coursehub/jupyter-tls"]["type"] == "kubernetes.io/tls"
    before = cluster.secrets
    assert apply() == 0
    assert "secret jupyter-tls in coursehub: unchanged" in capsys.readouterr().out
    assert cluster.secrets == before
    assert cluster.changes() == ["apply"]


def test_no_secret_is_ever_an_argument_or_deleted(folder: Path, cluster: Cluster, authority: Authority) -> None:
    private(folder, "ldap-password", "correct horse")
    assert apply() == 0
    certify(folder, authority)
    assert apply() == 0
    words = [word for call in cluster.calls for word in call]
    assert {call[2] for call in cluster.calls} == {"get", "apply"}
    assert not any("PRIVATE" in word or "horse" in word or len(word) > 100 for word in words)


def test_a_dry_run_says_it_and_changes_nothing(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.proxy("jupyter-tls")
    assert apply("--dry-run", "--restart-proxy") == 0
    output = capsys.readouterr().out
    assert "secret jupyter-tls in coursehub: would be made" in output
    assert "add --restart-proxy" in output
    assert not cluster.secrets
    assert not cluster.changes()


def test_a_renewed_certificate_is_served_after_a_restart_of_the_proxy_and_only_then(
    folder: Path, cluster: Cluster, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply() == 0
    cluster.proxy("jupyter-tls", since="2026-11-01T10:00:05Z")
    assert apply("--restart-proxy") == 0
    assert "proxy: has this certificate" in capsys.readouterr().out
    certify(folder, authority)
    cluster.put(time="2026-11-20T03:00:00Z")
    assert apply() == 0
    output = capsys.readouterr().out
    assert "secret jupyter-tls in coursehub: changed" in output
    assert "proxy: serves what it started with; add --restart-proxy (servers run on, pages connect again)" in output
    cluster.put(time="2026-11-20T03:00:09Z")
    assert apply("--restart-proxy") == 0
    output = capsys.readouterr().out
    assert "secret jupyter-tls in coursehub: unchanged" in output
    assert "proxy: restarted, and serves this certificate; servers run on" in output
    assert apply("--restart-proxy") == 0
    assert "proxy: has this certificate" in capsys.readouterr().out
    assert cluster.changes() == ["apply", "apply", "rollout restart"]


def test_the_restart_of_the_proxy_is_waited_for(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.proxy("jupyter-tls")
    assert apply("--restart-proxy", "--json") == 0
    assert json.loads(capsys.readouterr().out)["proxy"] == "restarted"
    assert [call[2:5] for call in cluster.calls[-3:]] == [
        ["rollout", "restart", "deployment/jupyter-proxy"],
        ["get", "deployments", "--selector"],
        ["get", "deployments", "--selector"],
    ]


def test_a_proxy_that_was_restarted_for_its_certificate_is_not_restarted_for_it_again(
    folder: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However soon the old pod went, the new one is not of the certificate's own second."""
    monkeypatch.setattr("coursehub.cli.secrets.sleep", lambda _: cluster.put(time="2026-11-01T10:00:01Z"))
    cluster.proxy("jupyter-tls")
    assert apply("--restart-proxy") == 0
    assert apply("--restart-proxy") == 0
    assert cluster.changes() == ["apply", "rollout restart"]


def test_a_secret_made_by_hand_is_taken_over_with_its_type_and_what_is_not_ours(folder: Path, cluster: Cluster) -> None:
    meta = {"namespace": "coursehub", "name": "jupyter-tls", "creationTimestamp": "2026-01-01T00:00:00Z"}
    cluster.put({"kind": "Secret", "metadata": meta, "type": "Opaque", "data": {"tls.crt": "eA==", "ca.crt": "eA=="}})
    assert apply() == 0
    found = cluster.secrets["coursehub/jupyter-tls"]
    assert found["type"] == "Opaque"
    assert found["data"]["ca.crt"] == "eA=="
    assert content(cluster, "coursehub/jupyter-tls")["tls.crt"] == (folder / "tls.crt").read_bytes()


def test_each_file_goes_where_the_chart_looks_for_it(
    folder: Path, cluster: Cluster, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "site.yaml").write_text(PROVISIONED)
    private(folder, "provisioner-token", "t" * 64)
    private(folder, "ldap-password", "p")
    (folder / "ldap-ca.crt").write_bytes(authority.file.read_bytes())
    private(folder, "hub.yaml", "hub: {config: {GenericOAuthenticator: {client_secret: s}}}")
    private(folder, "registry.json", '{"auths": {"registry.example.edu": {"auth": "eDp5"}}}')
    assert apply() == 0
    assert {name: set(secret["data"]) for name, secret in cluster.secrets.items()} == {
        "coursehub/jupyter-tls": {"tls.crt", "tls.key"},
        "coursehub/coursehub-provisioner": {"token"},
        "coursehub-storage/coursehub-provisioner": {"token"},
        "coursehub/coursehub-ldap": {"password", "ca.crt"},
        "coursehub/hub-secret": {"values.yaml"},
        "coursehub/registry": {".dockerconfigjson"},
        "coursehub-storage/registry": {".dockerconfigjson"},
    }
    assert "coursehub restart hub --namespace coursehub" in capsys.readouterr().out
    (folder / "ldap-ca.crt").unlink()
    assert apply() == 0
    assert set(cluster.secrets["coursehub/coursehub-ldap"]["data"]) == {"password"}
    assert "restart hub" not in capsys.readouterr().out


def test_gradebooks_of_courses_are_the_keys_of_one_secret_and_one_that_is_taken_out_goes(
    folder: Path, cluster: Cluster
) -> None:
    for slug in ("python-intro", "r-intro"):
        gradebook(folder, slug, f"postgresql://{slug}:p%40ss@db.example.edu:5432/{slug}?sslmode=require\n")
    assert apply() == 0
    assert set(cluster.secrets["coursehub/coursehub-gradebooks"]["data"]) == {"python-intro", "r-intro"}
    (folder / "gradebooks/r-intro").unlink()
    assert apply() == 0
    assert set(cluster.secrets["coursehub/coursehub-gradebooks"]["data"]) == {"python-intro"}


def test_as_json_for_a_script(folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply("--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["secrets"] == [{"namespace": "coursehub", "name": "jupyter-tls", "what": "made"}]
    assert report["certificate"]["names"] == [HOST]
    assert report["proxy"] == "absent"
    assert report["warnings"] == []
    (folder / "tls.key").chmod(0o644)
    assert apply("--json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "problems": ["secrets/tls.key: others may read it (0644); run: chmod 600 secrets/tls.key"]
    }


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _values(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder.parent / "site.yaml").write_text(text)

    return write


def _subdomains(address: str) -> str:
    return f"existingSecret: hub-secret, config: {{JupyterHub: {{subdomain_host: '{address}'}}}}"


KNOWN = (
    "known files: tls.crt, tls.key, provisioner-token, provisioner-ca.crt, ldap-password, ldap-ca.crt, hub.yaml, "
    "registry.json, gradebooks/COURSE"
)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            lambda f: (f / "tls.key").chmod(0o640),
            "secrets/tls.key: others may read it (0640); run: chmod 600 secrets/tls.key",
            id="a key that others read",
        ),
        pytest.param(_remove("tls.key"), "secrets/tls.crt and tls.key belong together; add tls.key", id="no key"),
        pytest.param(_remove("tls.crt"), "secrets/tls.crt and tls.key belong together; add tls.crt", id="no chain"),
        pytest.param(
            lambda f: private(f, "tls.pem", "x"),
            f"secrets/tls.pem: is no secret that is known here; {KNOWN}",
            id="an unknown file",
        ),
        pytest.param(
            lambda f: gradebook(f, "python-intro", "postgresql://intro:p@ss@db.example.edu/intro"),
            "secrets/gradebooks/python-intro: is no address of a database; write "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and in the password %40 for @ and %2F for /",
            id="a password that is not quoted",
        ),
        pytest.param(
            lambda f: gradebook(f, "Python", "x"),
            f"secrets/gradebooks/Python: is no secret that is known here; {KNOWN}",
            id="a gradebook of no course",
        ),
        pytest.param(
            lambda f: gradebook(f, "r-intro", "x").chmod(0o644),
            "secrets/gradebooks/r-intro: others may read it (0644); run: chmod 600 secrets/gradebooks/r-intro",
            id="a gradebook that others read",
        ),
        pytest.param(
            lambda f: private(f, "ldap-password", "\n"), "secrets/ldap-password: is empty", id="an empty password"
        ),
        pytest.param(
            lambda f: (f / "ldap-ca.crt").write_text("x"),
            "secrets/ldap-ca.crt: holds no certificate that can be read; it has to be PEM",
            id="no authority",
        ),
        pytest.param(
            lambda f: private(f, "hub.yaml", "jupyterhub: {}"),
            "secrets/hub.yaml: has other keys than hub; write values of zero-to-jupyterhub that are secret, as hub: "
            "{config: {...}}",
            id="values of another level",
        ),
        pytest.param(
            lambda f: private(f, "registry.json", "{}"),
            'secrets/registry.json: has no "auths"; write what `docker login` writes',
            id="no login",
        ),
        pytest.param(
            _values(SITE.replace("jupyter.example.edu", "other.example.edu")),
            f"secrets/tls.crt: is for {HOST}, not for other.example.edu; get one with that name among its alternative "
            "names",
            id="another host",
        ),
        pytest.param(
            _values("storage: {}"),
            "the host name that the certificate has to be for is not known; add --host NAME, or --site FILE with "
            "jupyterhub.hub.config.JupyterHub.subdomain_host, jupyterhub.proxy.https.hosts or jupyterhub.ingress.hosts",
            id="no host",
        ),
        *(
            pytest.param(
                _values(SITE.replace("existingSecret: hub-secret", _subdomains(address))),
                f"jupyterhub.hub.config.JupyterHub.subdomain_host: {address} is not the address of a host by its name "
                "alone; write it as https://jupyter.example.edu",
                id=f"servers at {address}",
            )
            for address in (HOST, "https://[::1", f"https://*.{HOST}", "https://192.0.2.7", f"https://{HOST}/hub")
        ),
        pytest.param(
            _values(SITE.replace("name: jupyter-tls", "name: jupyter-tls, key: key.pem")),
            "jupyterhub.proxy.https.secret.key is key.pem, and the Secret will have tls.key; leave it out",
            id="another key of the Secret",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    assert apply() == 1
    written = capsys.readouterr()
    assert written.err.splitlines() == [message]
    assert not written.out
    assert not cluster.calls


@pytest.mark.parametrize(
    ("file", "site", "message"),
    [
        pytest.param(
            "provisioner-token",
            "jupyterhub: {}",
            "provisioner-token: the values that --site names have no service that takes it; set storage.provisioner.",
            id="no service",
        ),
        pytest.param(
            "hub.yaml",
            "jupyterhub: {}",
            "hub.yaml: no Secret is named for it; set jupyterhub.hub.existingSecret in a file that --site names",
            id="no Secret of the hub",
        ),
        pytest.param(
            "registry.json",
            "jupyterhub: {imagePullSecrets: [a], singleuser: {image: {pullSecrets: [{name: b}]}}}",
            "registry.json: goes into one Secret, and jupyterhub.imagePullSecrets and image.pullSecrets name a, b; "
            "name the same in each",
            id="two registries",
        ),
    ],
)
def test_a_file_for_which_the_values_have_no_place_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, site: str, message: str
) -> None:
    text = {"hub.yaml": "hub: {}", "registry.json": '{"auths": {"r": {}}}'}.get(file, "x")
    private(folder, file, text)
    (folder.parent / "site.yaml").write_text(site)
    assert apply("--host", HOST) == 1
    assert message in capsys.readouterr().err


def test_at_the_first_install_what_belongs_to_helms_second_namespace_is_made_later(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.put(namespaces=["coursehub"])
    (folder.parent / "site.yaml").write_text(PROVISIONED)
    private(folder, "provisioner-token", "t" * 64)
    private(folder, "registry.json", '{"auths": {"registry.example.edu": {"auth": "eDp5"}}}')
    assert apply() == 0
    lines = capsys.readouterr().out.splitlines()
    later = "not yet; helm makes this namespace, run this again after it"
    for name in ("coursehub-provisioner", "registry"):
        assert f"secret {name} in coursehub: made" in lines
        assert f"secret {name} in coursehub-storage: {later}" in lines
    cluster.put(namespaces=["coursehub", "coursehub-storage"])
    assert apply() == 0
    assert {"coursehub-storage/coursehub-provisioner", "coursehub-storage/registry"} < set(cluster.secrets)


def test_without_the_releases_own_namespace_nothing_is_changed(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.put(namespaces=[])
    assert apply() == 1
    sentence = "there is no namespace coursehub; make it first: kubectl create namespace coursehub && kubectl label "
    assert sentence in capsys.readouterr().err
    assert not cluster.changes()
    assert not cluster.secrets


def test_a_certificate_for_an_ingress_goes_into_the_ingresss_secret_and_restarts_nothing(
    folder: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.proxy("another", since="2026-01-01T00:00:00Z")
    (folder.parent / "site.yaml").write_text(
        f"jupyterhub: {{ingress: {{enabled: true, hosts: [{HOST}], tls: [{{hosts: [{HOST}], secretName: ours}}]}}}}"
    )
    assert apply("--restart-proxy") == 0
    assert set(cluster.secrets) == {"coursehub/ours"}
    assert cluster.changes() == ["apply"]
    message = "proxy: takes no certificate from this Secret; an ingress that does needs no restart"
    assert message in capsys.readouterr().out


def test_without_values_the_host_is_given_and_the_name_is_the_charts(folder: Path, cluster: Cluster) -> None:
    assert main.main(["secrets", "apply", "secrets", "--host", HOST]) == 0
    assert set(cluster.secrets) == {"coursehub/coursehub-tls"}


def test_a_certificate_with_few_days_is_applied_with_a_warning(
    folder: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    certify(folder, authority, days=5)
    assert apply() == 0
    assert capsys.readouterr().err.startswith("coursehub: secrets/tls.crt: 4 days left (until ")


def test_a_chain_that_ends_at_nobody_known_is_a_warning(
    folder: Path, tmp_path: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where an intermediate certificate was forgotten: browsers refuse it, and no file alone shows it."""
    middle = Authority(tmp_path, "computing centre", above=authority)
    certify(folder, middle)
    assert apply() == 0
    assert "secrets/tls.crt: this machine does not trust 'authority of the computing centre'" in capsys.readouterr().err
    with (folder / "tls.crt").open("ab") as chain:
        chain.write(middle.file.read_bytes())
    assert apply() == 0
    assert not capsys.readouterr().err


def test_a_folder_without_secrets_and_one_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / ".gitignore").write_text("*\n")
    assert apply() == 1
    assert capsys.readouterr().err == f"secrets: holds no secret; {KNOWN}\n"
    (folder / ".gitignore").unlink()
    folder.rmdir()
    assert apply() == 1
    assert capsys.readouterr().err == "coursehub: secrets: No such file or directory\n"


ORIGINS = f"  hub: {{existingSecret: hub-secret, config: {{JupyterHub: {{subdomain_host: 'https://{HOST}:8443'}}}}}}\n"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What DNS has, by name."""
    known = {HOST: "192.0.2.1", f"coursehub-somebody.{HOST}": "192.0.2.1"}

    def find(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[name], 443))]

    monkeypatch.setattr("socket.getaddrinfo", find)
    return known


@pytest.fixture
def origins(folder: Path, names: dict[str, str]) -> Path:
    """A site whose servers have names of their own."""
    (folder.parent / "site.yaml").write_text(SITE.replace("  hub: {existingSecret: hub-secret}\n", ORIGINS))
    return folder


def test_where_servers_have_names_of_their_own_the_certificate_has_to_be_for_these_too(
    origins: Path, authority: Authority, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply() == 1
    assert f"secrets/tls.crt: is for {HOST}, not for *.{HOST}; get one with that name" in capsys.readouterr().err
    assert not cluster.secrets
    certify(origins, authority, HOST, f"*.{HOST}")
    assert apply() == 0


@pytest.mark.parametrize("host", [f"https://{HOST}", "", "jüpyter.example.edu", f"{HOST}/", "a.*.edu"])
def test_a_host_that_is_no_name_is_wrong_usage(host: str) -> None:
    error = wrong_usage("secrets", "apply", "secrets", f"--host={host}")
    assert error
    assert f"{host!r} is no host's name; write it as jupyter.example.edu" in error.format_message()


@pytest.mark.parametrize(
    ("known", "warning"),
    [
        pytest.param({}, f"{HOST}: this machine finds no such name; ask for it in DNS, and for *.{HOST}", id="neither"),
        pytest.param({HOST: "192.0.2.1"}, f"*.{HOST}: this machine finds no names of servers", id="the hub alone"),
        pytest.param(
            {HOST: "192.0.2.1", f"coursehub-somebody.{HOST}": "192.0.2.2"},
            f"*.{HOST}: leads to 192.0.2.2, and {HOST} to 192.0.2.1; servers are reached where the hub is",
            id="two places",
        ),
        pytest.param({HOST: "192.0.2.1", f"coursehub-somebody.{HOST}": "192.0.2.1"}, "", id="one place"),
    ],
)
def test_names_that_do_not_lead_to_one_place_are_a_warning(
    known: dict[str, str],
    warning: str,
    names: dict[str, str],
    origins: Path,
    authority: Authority,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names.clear()
    names |= known
    certify(origins, authority, HOST, f"*.{HOST}")
    assert apply() == 0
    said = capsys.readouterr().err
    assert warning in said
    assert bool(said) == bool(warning)
