"""The hub never serves with a secret that stands in the values for all to read."""

from pathlib import Path
from typing import Any

import pytest
from coursehub.hub import placeholders
from traitlets.config import Config

ZEROS = "0" * 64
KEY = "hub.config.ConfigurableHTTPProxy.auth_token"


@pytest.fixture
def c(monkeypatch: pytest.MonkeyPatch) -> Config:
    """As upstream's part leaves it where all is real."""
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "p" * 64)
    made = Config()
    made.JupyterHub.cookie_secret = "b" * 64
    made.JupyterHub.services = [{"name": "coursehub-culler", "api_token": "d" * 64}, {"name": "managed"}]
    made.CryptKeeper["keys"] = ["c" * 64]
    return made


def test_real_secrets_stay_as_upstream_has_them(c: Config, tmp_path: Path) -> None:
    (tmp_path / KEY).write_text("another")
    placeholders.replace(c, tmp_path)
    assert "auth_token" not in c.ConfigurableHTTPProxy, "the proxy has the one of its environment"


def test_a_hub_whose_secrets_others_set_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONFIGPROXY_AUTH_TOKEN", raising=False)
    c = Config()
    c.JupyterHub.cookie_secret = b"\x00" * 32
    placeholders.replace(c, tmp_path)


def test_in_the_place_of_a_placeholder_the_proxys_token_is_that_of_the_sites_secret(
    c: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", ZEROS)
    (tmp_path / KEY).write_text(" " + "p" * 64 + "\r\n")
    placeholders.replace(c, tmp_path)
    assert c.ConfigurableHTTPProxy.auth_token == "p" * 64, "as the proxy takes it"


@pytest.mark.parametrize(
    "secret",
    [None, ZEROS, "", "0\n", f"{ZEROS}\r\n", "\t"],
    ids=["no Secret", "zeros", "nothing", "a line", "CR", "tab"],
)
def test_without_a_token_of_the_proxy_the_hub_does_not_start(
    c: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", ZEROS)
    if secret is not None:
        (tmp_path / KEY).write_text(secret)
    with pytest.raises(SystemExit, match=r"hub\.config\.ConfigurableHTTPProxy\.auth_token: a placeholder stands for"):
        placeholders.replace(c, tmp_path)


def _set(section: str, trait: str, value: Any) -> Any:
    return lambda c: c[section].update({trait: value})


@pytest.mark.parametrize(
    ("put", "name"),
    [
        (_set("JupyterHub", "cookie_secret", ZEROS), "hub.config.JupyterHub.cookie_secret"),
        (_set("CryptKeeper", "keys", ["c" * 64, ZEROS]), "hub.config.CryptKeeper.keys"),
        (_set("CryptKeeper", "keys", [""]), "hub.config.CryptKeeper.keys"),
        (_set("JupyterHub", "services", [{"name": "a", "api_token": ZEROS}]), "hub.services.a.apiToken"),
        (_set("ConfigurableHTTPProxy", "auth_token", ZEROS), KEY),
    ],
)
def test_with_a_placeholder_the_hub_does_not_start_and_says_what_to_run(
    c: Config, tmp_path: Path, put: Any, name: str
) -> None:
    put(c)
    with pytest.raises(SystemExit) as refused:
        placeholders.replace(c, tmp_path)
    said = str(refused.value)
    assert said.startswith(f"coursehub: {name}: a placeholder")
    assert "coursehub secrets apply" in said


def test_all_that_are_left_are_named_at_once(c: Config, tmp_path: Path) -> None:
    c.JupyterHub.cookie_secret = ZEROS
    c.CryptKeeper["keys"] = [ZEROS]
    with pytest.raises(SystemExit, match=r"cookie_secret, hub\.config\.CryptKeeper\.keys: a placeholder"):
        placeholders.replace(c, tmp_path)
