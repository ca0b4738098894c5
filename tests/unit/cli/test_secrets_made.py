"""`coursehub secrets apply` makes what the values leave to it, once, and never replaces it."""

import base64
import json
import re
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import yaml
from coursehub.cli import main, secrets_made

from tests.kubectl import Cluster

ROOT = Path(__file__).parents[3]
PLACEHOLDERS = ROOT / "docs/examples/gitops/placeholders.yaml"
KEYS = {
    "hub.config.ConfigurableHTTPProxy.auth_token",
    "hub.config.CryptKeeper.keys",
    "hub.config.JupyterHub.cookie_secret",
    "hub.services.coursehub-culler.apiToken",
    "hub.services.coursehub-metrics.apiToken",
    "hub.services.coursehub-spawn-test.apiToken",
}
HUB, TOKEN = "coursehub/coursehub-secrets", "coursehub-provisioner"
SITE: dict[str, Any] = {"storage": {"provisioner": {"enabled": True}}}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path / "cluster")
    made.use(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE))
    return made


def apply(*options: str) -> int:
    """The exit code of the command on secrets/ with the placeholders and the site's values."""
    return main.main(["secrets", "apply", "secrets", "--site", str(PLACEHOLDERS), "--site", "site.yaml", *options])


def content(cluster: Cluster, secret: str = HUB) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in cluster.secrets[secret]["data"].items()}


def put(cluster: Cluster, namespace: str, name: str, data: dict[str, bytes]) -> None:
    """A Secret that somebody else made."""
    written = {key: base64.b64encode(value).decode() for key, value in data.items()}
    meta = {"namespace": namespace, "name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    cluster.put({"kind": "Secret", "metadata": meta, "type": "Opaque", "data": written})


def test_each_has_a_value_of_32_random_bytes_and_no_two_are_alike(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply() == 0
    made = content(cluster)
    assert set(made) == KEYS
    assert all(re.fullmatch(rb"[0-9a-f]{64}", value) for value in made.values())
    assert len({*made.values(), content(cluster, f"coursehub/{TOKEN}")["token"]}) == len(KEYS) + 1
    said = capsys.readouterr()
    assert "secret coursehub-secrets in coursehub: made" in said.out
    words = [word for call in cluster.calls for word in call] + [said.out + said.err]
    assert not any(value.decode() in word for value in made.values() for word in words)


def test_what_is_made_is_kept_for_ever(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0
    before = cluster.secrets
    capsys.readouterr()
    assert apply() == 0
    assert cluster.secrets == before
    assert "secret coursehub-secrets in coursehub: unchanged" in capsys.readouterr().out


def test_the_provisioner_and_the_hub_have_one_token_also_where_the_second_namespace_comes_later(
    cluster: Cluster,
) -> None:
    cluster.put(namespaces=["coursehub"])
    assert apply() == 0
    cluster.put(namespaces=["coursehub", "coursehub-storage"])
    assert apply() == 0
    one, other = (content(cluster, f"{space}/{TOKEN}") for space in ("coursehub", "coursehub-storage"))
    assert one == other


def test_what_only_looks_has_a_token_beside_the_hub_and_a_service_elsewhere_is_given_its_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    elsewhere = {"storage": {"provisioner": {"url": "https://storage.example.edu:8443"}}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(elsewhere))
    assert apply() == 0
    assert set(cluster.secrets) == {HUB}
    (tmp_path / "site.yaml").write_text("{}")
    assert apply() == 0
    assert set(cluster.secrets) == {HUB, f"coursehub/{TOKEN}"}
    assert re.fullmatch(rb"[0-9a-f]{64}", content(cluster, f"coursehub/{TOKEN}")["token"])


def test_a_file_goes_before(cluster: Cluster, tmp_path: Path) -> None:
    assert apply() == 0
    (tmp_path / "secrets/provisioner-token").touch(0o600)
    (tmp_path / "secrets/provisioner-token").write_text("t" * 64)
    assert apply() == 0
    for space in ("coursehub", "coursehub-storage"):
        assert content(cluster, f"{space}/{TOKEN}") == {"token": b"t" * 64}


def test_a_dry_run_makes_nothing(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply("--dry-run") == 0
    assert "secret coursehub-secrets in coursehub: would be made" in capsys.readouterr().out
    assert not cluster.secrets
    assert not cluster.changes()


def test_what_is_wrong_elsewhere_makes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "secrets/ldap-password").touch(0o600)
    assert apply() == 1
    assert not cluster.calls


def test_a_release_that_helm_made_before_goes_on_with_what_it_has(cluster: Cluster) -> None:
    """Whoever is logged in stays so, and what logins left can be read."""
    theirs = {key: key.encode() for key in KEYS} | {"values.yaml": b"hub: {}"}
    theirs["hub.services.coursehub-culler.apiToken"] = b"0" * 64
    cluster.hub(theirs)
    put(cluster, "coursehub-storage", TOKEN, {"token": b"helm's"})
    assert apply() == 0
    made = content(cluster)
    culler = made.pop("hub.services.coursehub-culler.apiToken")
    assert re.fullmatch(rb"[0-9a-f]{64}", culler), "a placeholder is nobody's token"
    assert made == {key: key.encode() for key in made}
    assert content(cluster, f"coursehub/{TOKEN}") == {"token": b"helm's"}


def test_the_token_that_helm_made_stays_where_helm_no_longer_renders_it(cluster: Cluster) -> None:
    for space in ("coursehub", "coursehub-storage"):
        put(cluster, space, TOKEN, {"token": b"helm's"})
    assert apply() == 0
    for space in ("coursehub", "coursehub-storage"):
        assert content(cluster, f"{space}/{TOKEN}") == {"token": b"helm's"}
        kept = cluster.secrets[f"{space}/{TOKEN}"]["metadata"]["annotations"]
        assert kept["helm.sh/resource-policy"] == "keep"


def test_a_value_of_somebody_elses_is_not_replaced_and_a_placeholder_is(cluster: Cluster) -> None:
    proxy, cookie = "hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.JupyterHub.cookie_secret"
    put(cluster, "coursehub", "coursehub-secrets", {proxy: b"ours", cookie: b"0" * 64, "more": b"kept"})
    cluster.hub({proxy: b"helm's"})
    assert apply() == 0
    made = content(cluster)
    assert made[proxy] == b"ours"
    assert made["more"] == b"kept"
    assert made[cookie] != b"0" * 64
    assert set(made) == KEYS | {"more"}


@pytest.mark.parametrize("there", [False, True], ids=["made", "completed"])
def test_what_somebody_else_writes_in_the_same_moment_is_not_replaced(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Two people run it at once, or a pipeline beside them: hub and proxy may have the other's values already."""
    theirs = {key: f"theirs {key}".encode() for key in KEYS}
    if there:
        put(cluster, "coursehub", "coursehub-secrets", {"more": b"kept"})

    def meanwhile(size: int) -> str:
        put(cluster, "coursehub", "coursehub-secrets", theirs)
        return token_hex(size)

    with monkeypatch.context() as moment:
        moment.setattr(secrets_made, "token_hex", meanwhile)
        assert apply() == 1
    assert content(cluster) == theirs
    why = "secret coursehub-secrets in coursehub: somebody else wrote it in the same moment; run this again"
    assert why in capsys.readouterr().err
    assert apply() == 0
    assert content(cluster) == theirs


def test_a_service_that_is_added_gets_a_token_and_the_others_keep_theirs(cluster: Cluster, tmp_path: Path) -> None:
    assert apply() == 0
    before = content(cluster)
    more = {"jupyterhub": {"hub": {"services": {"grades": {"apiToken": "0" * 64}}}}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE | more))
    assert apply() == 0
    after = content(cluster)
    assert after.pop("hub.services.grades.apiToken")
    assert after == before


def test_secret_values_from_a_file_that_is_away_this_time_stay(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "secrets/hub.yaml"
    file.touch(0o600)
    file.write_text("hub: {config: {GenericOAuthenticator: {client_secret: s}}}")
    assert apply() == 0
    file.unlink()
    assert apply() == 0
    assert set(content(cluster)) == KEYS | {"values.yaml"}


def test_two_tokens_for_one_service_are_refused(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    for space in ("coursehub", "coursehub-storage"):
        put(cluster, space, TOKEN, {"token": space.encode()})
    assert apply() == 1
    assert "secret coursehub-provisioner: its token differs from one namespace to the other" in capsys.readouterr().err
    assert not cluster.changes()


def test_placeholders_without_a_secret_are_refused(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text("jupyterhub: {hub: {existingSecret: null}}")
    assert apply() == 1
    assert "no Secret is named for it; set jupyterhub.hub.existingSecret" in capsys.readouterr().err
    assert not cluster.calls


def test_json_names_what_was_made_and_no_value(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {"namespace": "coursehub", "name": "coursehub-secrets", "what": "made"} in said["secrets"]
    assert not any(value.decode() in json.dumps(said) for value in content(cluster).values())
