"""A directory that hangs while a class begins: who was known a moment before starts, and the others read a sentence."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.directory.slapd import BASE, HUB, PASSWORD, Slapd, account, serve
from tests.e2e.cluster import COURSES, ROOT, Installation, until
from tests.e2e.person import Person, choices, said

KNOWN, OTHERS = ("maria", "jonas"), ("lena", "nils")
# Nobody knows viktor without this directory.
STRANGER = "viktor"
SILENT = "The university's directory does not answer. Please try again in a few minutes."


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    """Everybody of the local cluster's, where the hub reaches them."""
    people = yaml.safe_load((ROOT / "values/local.yaml").read_text())["identity"]["file"]["people"]
    uids = {name: person["uid"] for name, person in people.items()} | {STRANGER: 20040}
    # `anna` and `peter` are the tests' own.
    wanted = ("emma", *KNOWN, *OTHERS, STRANGER)
    accounts = [account(f"uid={name},ou=people", uids[name], name, gid=uids[name]) for name in wanted]
    nodes = json.loads(Installation.here().kubectl("get", "nodes", "--output=json"))["items"]
    (address,) = (each["address"] for each in nodes[0]["status"]["addresses"] if each["type"] == "InternalIP")
    folder = tmp_path / "slapd"
    folder.mkdir()
    with serve(folder, None, address, accounts) as running:
        site = {
            "provider": "ldap",
            "timeout": 2,
            "ldap": {
                "servers": [f"ldap://{address}:{running.port}"],
                "startTls": False,
                "bindDn": HUB,
                "users": {"base": f"ou=people,{BASE}"},
            },
        }
        (tmp_path / "site.yaml").write_text(json.dumps({"identity": site}))
        yield running


@pytest.fixture
def password() -> Iterator[None]:
    """The hub's, which it reads by itself."""
    kubectl = Installation.here().kubectl
    kubectl("create", "secret", "generic", "coursehub-ldap", f"--from-literal=password={PASSWORD}")
    yield
    kubectl("delete", "secret", "coursehub-ldap")


@pytest.fixture
def installation(slapd: Slapd, password: None) -> Iterator[Installation]:
    """Who somebody is comes from there; afterwards as `make up` made it."""
    found = Installation.here()
    with found.upgraded(COURSES, "--values", str(slapd.folder.parent / "site.yaml")):
        until(found.hub_is_ready, 120, "the hub behind the proxy")
        stranger = Person(found.url, STRANGER, found.password)
        until(lambda: "general" in choices(stranger.client.get("/hub/spawn").text), 120, "the directory asked")
        yield found
        for name in ("emma", *KNOWN, *OTHERS):
            Person(found.url, name, found.password).stop()


def outcome(person: Person) -> str:
    """What they read who press Start."""
    return said(person.choose("general")) + str(person.progress())


def test_who_was_known_starts_the_others_read_why_not_and_who_works_goes_on(
    installation: Installation, slapd: Slapd
) -> None:
    emma, *known = (Person(installation.url, name, installation.password) for name in ("emma", *KNOWN))
    emma.start("general")
    for person in known:
        assert "general" in person.choices()
    with slapd.frozen(), ThreadPoolExecutor(len(OTHERS)) as pages:
        others = [Person(installation.url, name, installation.password) for name in OTHERS]
        told = pages.map(outcome, others)
        for person in known:
            person.choose("general")
        for each in told:
            assert SILENT in each
        for person in known:
            person.wait()
        assert emma.terminal("echo $((6 * 7))") == "42"
        assert installation.hub_is_ready()
    for person in others:
        person.start("general")
