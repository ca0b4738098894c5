"""Each values file of docs/identity.md, and the example university's: somebody logs in to a hub that goes by it."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from coursehub.config.settings import KEYS
from coursehub.hub.admin import socket

from tests import ports
from tests.directory import active_directory, slapd
from tests.directory.active_directory import Forest
from tests.directory.slapd import Slapd
from tests.hub import provider
from tests.hub.conftest import Form, until
from tests.hub.provider import Provider

ROOT = Path(__file__).parents[2]
UNIVERSITY = ROOT / "values/example-university.yaml"
RECIPES = sorted(path.stem for path in (ROOT / "values/identity").glob("*.yaml"))
INTRO = "python-intro--instructor"
Values = dict[str, Any]
Change = Callable[[Values], None]


def merged(recipe: Path | None = None) -> Values:
    """The example university's values, or the recipe over them as helm lays it, without what it says to take out."""

    def over(below: Any, above: Any) -> Any:
        if not (isinstance(below, dict) and isinstance(above, dict)):
            return above
        return {key: over(below.get(key), above.get(key, below.get(key))) for key in {**below, **above}}

    values: Values = yaml.safe_load(UNIVERSITY.read_text())
    if recipe is not None:
        del values["identity"], values["jupyterhub"]["hub"]["config"]["GenericOAuthenticator"]
        values = over(values, yaml.safe_load(recipe.read_text()))
    return values


class RecipeHub:
    """A hub that runs by a values file."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{port}/hub/"

    async def person(self, name: str) -> dict[str, Any]:
        """What it knows of somebody."""
        question = json.dumps({"ask": "user", "user": name})
        reply = await asyncio.to_thread(socket.ask, question, self._folder / "door")
        answer: dict[str, Any] = json.loads(reply)["answer"]
        return answer

    def browser(self) -> httpx.AsyncClient:
        """A new one."""
        headers = {"Sec-Fetch-Mode": "navigate"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, follow_redirects=True, timeout=60, verify=False)  # noqa: S501 - all is http here


@asynccontextmanager
async def hub(folder: Path, change: Change, recipe: Path | None = None) -> AsyncIterator[RecipeHub]:
    """A hub that goes by the example university's values and the recipe, `change`d to the servers of the test."""
    values, port = merged(recipe), ports.free()
    config = values["jupyterhub"]["hub"]["config"]
    for authenticator in config.values():
        if "oauth_callback_url" in authenticator:
            authenticator["oauth_callback_url"] = f"http://127.0.0.1:{port}/hub/oauth_callback"
    change(values)
    for name in ("site", "courses", "secrets/ldap", "added/authorities", "share"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "site/site.yaml").write_text(yaml.safe_dump({key: values[key] for key in values.keys() & KEYS}))
    (folder / "courses/main.yaml").write_text((ROOT / "values/courses.yaml").read_text())
    (folder / "recipe.json").write_text(json.dumps({"config": config, "port": port}))
    kubeconfig = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}
    parts = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {}}],
    }
    context = {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig | parts | context))
    more = {"RECIPE": str(folder), "PYTHONPATH": str(ROOT), "KUBECONFIG": str(folder / "kubeconfig")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it is waited for below
            [sys.executable, "-m", "jupyterhub", "--config", str(ROOT / "tests/hub/recipe.py")],
            cwd=folder,
            env=os.environ | more,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    found = RecipeHub(folder, port)

    async def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            async with found.browser() as nobody:
                return (await nobody.get("api/")).is_success
        except httpx.ConnectError:
            return False

    try:
        await until(listens, "the hub of a recipe", 120)
        yield found
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def shown(here: RecipeHub) -> Form:
    """The page that somebody sees who has gone to the identity provider and back."""
    async with here.browser() as browser:
        await browser.get("oauth_login")
        answer = await browser.get("courses")
        return Form(answer.text)


def at(there: Provider) -> Change:
    """OpenID Connect is the test's."""

    def change(values: Values) -> None:
        authenticator = values["jupyterhub"]["hub"]["config"]["GenericOAuthenticator"]
        for trait, value in authenticator.items():
            if isinstance(value, str):
                authenticator[trait] = value.replace("https://login.example.edu", there.url)
        authenticator["client_secret"] = provider.SECRET

    return change


KEYCLOAK = {
    "sub": "f1c3a5a0-8a3b-4f0e-9d6e-3d9f0b0a7a11",
    "preferred_username": "mrossi",
    "name": "Maria Rossi",
    "uidNumber": 30007,
    "gidNumber": 30007,
    "groups": ["/courses/python-intro", "/cs", "/courses/2026W-703"],
}
ENTRA = {
    "oid": "6a0e5b6e-0000-4111-8222-1c9d7f3b2a10",
    "sub": "pairwise",
    "tid": "tenant",
    "preferred_username": "MRossi@Example.edu",
    "extn.uidNumber": ["30007"],
    "extn.gidNumber": ["30007"],
}
GROUPS = ["0b7c3e55-5b1c-4d5e-9f61-2f0a5d2f5a10", "9d6d1c0a-2222-4333-8444-000000000000"]
OVERAGE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example/x"}}}
SHIBBOLETH = {
    "sub": "pairwise-4711",
    "eduperson_principal_name": ["mrossi@example.edu"],
    "uidNumber": ["30007"],
    "gidNumber": ["30007"],
    "ismemberof": ["urn:mace:example.edu:course:informatik-1", "Kurs Informatik 1"],
}


@pytest.mark.parametrize(
    ("recipe", "userinfo", "token", "groups"),
    [
        pytest.param(
            "keycloak", KEYCLOAK, {}, {"/courses/python-intro": 70101, "/courses/2026W-703": 70102}, id="keycloak"
        ),
        pytest.param("entra", {"sub": "pairwise"}, {**ENTRA, "groups": GROUPS}, {GROUPS[0]: 70101}, id="entra"),
        pytest.param(
            "shibboleth", SHIBBOLETH, {}, {"urn:mace:example.edu:course:informatik-1": 70101}, id="shibboleth"
        ),
    ],
)
async def test_somebody_logs_in_by_a_recipe_of_openid_connect(
    tmp_path: Path, recipe: str, userinfo: dict[str, Any], token: dict[str, Any], groups: dict[str, int]
) -> None:
    async with provider.serve() as there:
        there.userinfo, there.token = userinfo, token
        async with hub(tmp_path, at(there), ROOT / f"values/identity/{recipe}.yaml") as here:
            page = await shown(here)
            assert INTRO in page.choices, page.text
            found = await here.person("mrossi")
            assert (found["uid"], found["gid"], found["groups"]) == (30007, 30007, groups)


async def test_of_whom_entra_names_no_groups_since_there_are_too_many_reads_why(tmp_path: Path) -> None:
    async with provider.serve() as there:
        there.userinfo, there.token = {"sub": "pairwise"}, ENTRA | OVERAGE
        async with hub(tmp_path, at(there), ROOT / "values/identity/entra.yaml") as here:
            page = await shown(here)
            assert "is in more groups than its login can name" in page.text
            assert not page.choices


async def test_somebody_logs_in_at_the_example_university_and_another_account_of_that_name_does_not(
    tmp_path: Path,
) -> None:
    async with provider.serve() as there:
        there.userinfo = {"sub": "1", "preferred_username": "lukas"}
        async with hub(tmp_path, at(there)) as here:
            assert INTRO in (await shown(here)).choices
            assert (await here.person("lukas"))["uid"] == 30002
            there.userinfo = {"sub": "2", "preferred_username": "Lukas"}
            async with here.browser() as browser:
                answer = await browser.get("oauth_login")
                assert answer.status_code == 403
                assert "is that of another login" in Form(answer.text).text


async def log_in(here: RecipeHub, name: str, password: str) -> Form:
    """What the form of names and passwords leads to."""
    async with here.browser() as browser:
        await browser.get("login")
        params = {"_xsrf": browser.cookies["_xsrf"]}
        await browser.post("login", params=params, data={"username": name, "password": password})
        return Form((await browser.get("courses")).text)


def bring(folder: Path, path: str, content: str) -> Path:
    """The folder, in which `path` is what the hub reads of a Secret or ConfigMap."""
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text(content)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    """An LDAP directory in which anna has a password."""
    (tmp_path / "slapd").mkdir()
    with slapd.serve(tmp_path / "slapd") as running:
        running.change("uid=anna,ou=people", "userPassword", "of anna")
        yield running


async def test_somebody_logs_in_by_the_recipe_of_ldap(tmp_path: Path, directory: Slapd) -> None:
    def change(values: Values) -> None:
        ldap, login = values["identity"]["ldap"], values["jupyterhub"]["hub"]["config"]["LDAPAuthenticator"]
        ldap["servers"] = [directory.ldaps]
        assert login["tls_kwargs"]["validate"] == ssl.CERT_REQUIRED
        login |= {"server_address": "localhost", "server_port": directory.tls_port}

    there = bring(tmp_path / "hub", "secrets/ldap/password", slapd.PASSWORD)
    bring(there, "added/authorities/uni.crt", (directory.folder / "ca.crt").read_text())
    async with hub(there, change, ROOT / "values/identity/ldap.yaml") as here:
        assert not (await log_in(here, "anna", "guessed")).choices
        page = await log_in(here, "Anna", "of anna")
        assert INTRO in page.choices, page.text
        assert (await here.person("anna"))["groups"] == {"python-intro": 70101}


@pytest.fixture
def forest() -> Iterator[Forest]:
    """A server that answers as Active Directory does."""
    with active_directory.serve() as running:
        yield running


async def test_somebody_logs_in_by_the_recipe_of_active_directory(tmp_path: Path, forest: Forest) -> None:
    def change(values: Values) -> None:
        ldap, login = values["identity"]["ldap"], values["jupyterhub"]["hub"]["config"]["LDAPAuthenticator"]
        assert ldap["bindDn"] == active_directory.HUB
        ldap |= {"servers": [forest.url], "startTls": False}
        host, _, port = forest.url.removeprefix("ldap://").partition(":")
        login |= {"server_address": host, "server_port": int(port), "tls_strategy": "insecure", "tls_kwargs": {}}

    there = bring(tmp_path / "hub", "secrets/ldap/password", active_directory.PASSWORDS[active_directory.HUB])
    async with hub(there, change, ROOT / "values/identity/active-directory.yaml") as here:
        assert not (await log_in(here, "MRossi", "guessed")).choices
        page = await log_in(here, "MRossi", active_directory.PASSWORDS["mrossi@ad.example.edu"])
        assert INTRO in page.choices, page.text
        found = await here.person("mrossi")
        assert found["uid"] == 30007
        assert found["hubGroups"] == ["Domain Users", "Lehre"]


def test_each_recipe_is_tried_here() -> None:
    here = Path(__file__).read_text()
    assert [recipe for recipe in RECIPES if f'"{recipe}"' not in here and f"identity/{recipe}.yaml" not in here] == []
