"""A real slapd: who is found, who is not, and what happens while it is away."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from coursehub import layout
from coursehub.config.settings import Identity
from coursehub.errors import Refused
from coursehub.people import lookup
from coursehub.people.directory import People
from coursehub.people.ldap import LdapProvider
from coursehub.people.lookup import Source
from coursehub.person import Group, Person
from coursehub.storage.share import Share

from tests.directory import active_directory
from tests.directory.active_directory import Forest
from tests.directory.slapd import BASE, HUB, PASSWORD, UID, Slapd, authority, serve
from tests.support import site

LOG = logging.getLogger("tests.directory")
TEAMS = {"base": f"ou=teams,{BASE}", "filter": "(&(objectClass=groupOfNames)(member={dn}))"}
Make = Callable[..., Identity]


@pytest.fixture
def settings(slapd: Slapd, password: Path) -> Make:
    """Makes identity settings for the slapd: `settings(key of identity.ldap=value, ..., timeout=..., cache=...)`."""

    def make(timeout: float = 10, cache: float = 0, **changes: Any) -> Identity:
        ldap = {
            "servers": [slapd.starttls],
            "caFile": str(slapd.folder / "ca.crt"),
            "bindDn": HUB,
            "passwordFile": str(password),
            "users": {"base": BASE},
            "groups": {"base": f"ou=groups,{BASE}"},
            **changes,
        }
        return Identity.model_validate({"provider": "ldap", "timeout": timeout, "cache": cache, "ldap": ldap})

    return make


def source(settings: Identity) -> Source:
    return People(LOG).source(settings)


async def find(settings: Identity, name: str = "anna") -> Person | None:
    answer = await source(settings).find(name)
    return None if answer is None else answer.person


ANNA = Person("anna", UID, 30001, (Group("python-intro", 70101),))


async def test_password_and_authority_can_be_those_of_the_secret_alone(
    settings: Make, slapd: Slapd, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = settings(caFile=None, passwordFile=None)
    secret = tmp_path / "secret"
    secret.mkdir()
    people = People(LOG, secret).source(plain)
    (secret / "ca.crt").write_text((slapd.folder / "ca.crt").read_text())
    with pytest.raises(OSError, match="no server"):
        await people.find("anna")
    assert "make the Secret coursehub-ldap with it" in caplog.text
    (secret / "password").write_text(PASSWORD)
    answer = await people.find("anna")
    assert answer is not None
    assert answer.person == ANNA


@pytest.mark.parametrize("how", ["starttls", "ldaps"])
async def test_a_person_has_the_groups_that_name_them(slapd: Slapd, settings: Make, how: str) -> None:
    assert await find(settings(servers=[getattr(slapd, how)])) == ANNA


async def test_a_person_has_the_groups_that_list_their_entry_and_names_of_those_without_a_gid(settings: Make) -> None:
    found = await find(settings(groups=TEAMS))
    assert found == Person("anna", UID, 30001, (Group("physics", 70201),), hub_groups=frozenset({"staff"}))


async def test_a_group_without_a_gid_has_that_of_the_map_and_one_with_a_gid_keeps_its_own(settings: Make) -> None:
    found = await find(settings(groups={**TEAMS, "gids": {"staff": 70203, "physics": 70999}}))
    assert found is not None
    assert {*found.groups} == {Group("physics", 70201), Group("staff", 70203)}


async def test_groups_of_groups_count_where_the_site_says_so_also_in_a_circle(settings: Make) -> None:
    found = await find(settings(groups={**TEAMS, "nested": True}))
    assert found is not None
    assert {*found.groups} == {Group("physics", 70201), Group("tutors", 70204)}
    assert found.hub_groups == {"staff", "faculty"}
    stranger = await find(settings(groups={**TEAMS, "nested": True}), "peter")
    assert stranger is not None
    assert stranger.groups == (Group("others", 70202),)


@pytest.fixture
def forest() -> Iterator[Forest]:
    """A server that answers as Active Directory does."""
    with active_directory.serve() as forest:
        yield forest


def of(forest: Forest, **groups: Any) -> Identity:
    """As docs/identity.md has it for Active Directory."""
    users = {"filter": "(&(objectClass=user)(sAMAccountName={name}))", "name": "sAMAccountName"}
    teams = {"base": active_directory.BASE, "filter": "(&(objectClass=group)(member={dn}))", **groups}
    ldap = {"servers": [forest.url], "startTls": False, "users": {"base": active_directory.BASE, **users}}
    return Identity.model_validate({"provider": "ldap", "timeout": 10, "cache": 0, "ldap": {**ldap, "groups": teams}})


async def test_active_directory_is_asked_once_for_the_groups_of_groups_by_its_own_rule(forest: Forest) -> None:
    found = await find(of(forest, nested=True, gids={"Domain Users": 70001}), "mrossi")
    assert found == Person(
        "mrossi",
        30007,
        30001,
        (Group("Kurs Informatik 1", 70101), Group("Domain Users", 70001)),
        hub_groups=frozenset({"Lehre"}),
    )
    assert forest.searches.count(active_directory.BASE) == 2, "for the person, and for the groups"


async def test_active_directory_is_asked_for_ones_own_groups_alone_where_nothing_is_said(forest: Forest) -> None:
    found = await find(of(forest), "mrossi")
    assert found == Person("mrossi", 30007, 30001, (Group("Kurs Informatik 1", 70101),))


async def test_an_entry_with_every_special_character_is_found_in_its_groups(settings: Make) -> None:
    found = await find(settings(groups=TEAMS), "bjorn")
    assert found == Person("bjorn", 30003, 30001, (Group("physics", 70201),), hub_groups=frozenset({"staff"}))


@pytest.mark.parametrize(("name", "uid"), [("mrossi", 30007), ("20001", 30008)], ids=["MRossi", "digits"])
async def test_a_name_with_capitals_or_digits_is_found_and_so_are_its_groups(
    settings: Make, name: str, uid: int
) -> None:
    assert await find(settings(), name) == Person(name, uid, 30001, (Group("Kurs Informatik 1", 70301),))


async def test_the_primary_group_can_be_looked_up_too(settings: Make) -> None:
    both = "(|(memberUid={name})(gidNumber={gid}))"
    found = await find(settings(groups={"base": BASE, "filter": both}))
    assert found is not None
    assert "python-intro" in found.group_names


async def test_without_groups_nobody_is_in_any(settings: Make) -> None:
    assert await find(settings(groups=None)) == Person("anna", UID, 30001)


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "a*",
        ")(uid=*",
        "*)(uid=*))(|(uid=*",
        "anna)(objectClass=*",
        "\\2a",
        "\\61nna",
        "ann\\61",
        "",
        "{dn}",
        "a\0",
    ],
    ids=ascii,
)
def test_i2_a_name_is_never_a_part_of_the_filter(settings: Make, name: str) -> None:
    ldap = settings().ldap
    assert ldap is not None
    assert LdapProvider(ldap, 10, LOG).find(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("stranger", None, id="I1 unknown"),
        pytest.param("mark", "uid found: [['mar\u212a']]", id="I4 a Kelvin that is a k in lower case"),
        pytest.param("max", "uid found: [['Max'], ['max']]", id="I4 two entries that differ by a capital"),
        pytest.param("ANNA", "uid found: [['anna']]", id="I4 asked for ANNA"),
        pytest.param("anna ", "uid found: [['anna']]", id="I4 a space that LDAP passes over"),
        pytest.param("lea", "uid found: [['lea', 'lea.old']]", id="I4 two names in one entry"),
        pytest.param("twin", "uid found: [['twin'], ['twin']]", id="I5 two entries"),
        pytest.param("three", "uid found: [['three'], ['three']]", id="I5 three entries"),
        pytest.param("vast", "uid '4294967296'", id="I5 uid beyond 32 bits"),
        pytest.param("users", "gid '100'", id="I6 a system's primary group"),
    ],
)
async def test_an_answer_that_is_not_exactly_one_good_account_is_nobody(
    settings: Make, caplog: pytest.LogCaptureFixture, name: str, reason: str | None
) -> None:
    assert await find(settings(), name) is None
    said = [record.getMessage() for record in caplog.records]
    assert [reason in each for each in said if reason] == [True] * (reason is not None), said


async def test_i1_a_uid_of_the_system_is_refused(settings: Make) -> None:
    with pytest.raises(Refused, match=r"'daemon' is a system account .uid 1, below 20000"):
        await lookup.look_up(source(settings()), "daemon", site())


@pytest.mark.parametrize("uid", [UID + 100, UID + 1], ids=["the same folder of homes", "another folder of homes"])
async def test_i5_a_uid_that_changes_is_refused_by_the_homes_owner_also_after_a_restart(
    slapd: Slapd, settings: Make, tmp_path: Path, uid: int
) -> None:
    home = tmp_path / layout.home(UID, "anna")
    home.mkdir(parents=True)
    os.chown(home, UID, -1)
    share, running = Share(tmp_path), source(settings())

    async def start(hub: Source) -> None:
        answer = await hub.find("anna")
        assert answer is not None
        await share.check(layout.home(answer.person.uid, "anna"), answer.person.uid, [])

    await start(running)
    slapd.change("uid=anna,ou=people", "uidNumber", uid)
    try:
        for hub in (running, source(settings())):
            with pytest.raises(Refused, match=r"belongs to uid"):
                await start(hub)
    finally:
        slapd.change("uid=anna,ou=people", "uidNumber", UID)
    await start(running)


async def refused(settings: Identity, caplog: pytest.LogCaptureFixture) -> str:
    """What the log says where nothing is found out."""
    with pytest.raises(OSError, match=r"no server of identity\.ldap\.servers answers"):
        await find(settings)
    return caplog.text


@pytest.mark.parametrize("how", ["starttls", "ldaps"])
async def test_a_certificate_of_another_authority_is_refused(
    slapd: Slapd, settings: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    authority(tmp_path, "other")
    changed = settings(servers=[getattr(slapd, how)], caFile=str(tmp_path / "other.crt"))
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(changed, caplog)


async def test_an_authority_that_the_image_does_not_know_is_refused(
    settings: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(settings(caFile=None), caplog)


async def test_a_certificate_of_another_host_is_refused(
    settings: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "slapd"
    folder.mkdir()
    with serve(folder, host="ldap.example.edu") as other:
        for url in (other.starttls, other.ldaps):
            caplog.clear()
            said = await refused(settings(servers=[url], caFile=str(folder / "ca.crt")), caplog)
            assert "Hostname mismatch" in said


async def test_a_server_without_tls_gets_no_password_unless_the_site_says_so(
    settings: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "slapd"
    folder.mkdir()
    with serve(folder, host=None) as plain:
        servers = [plain.starttls]
        assert "unsupported extended operation" in await refused(settings(servers=servers, caFile=None), caplog)
        assert await find(settings(servers=servers, caFile=None, startTls=False)) == ANNA


def write(file: Path, content: str | None) -> None:
    """The file holds `content`, or is not there."""
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [("wrong", "invalidCredentials"), ("", "password is mandatory"), (None, "there is no password of")],
    ids=repr,
)
async def test_a_password_that_is_wrong_or_missing_is_a_failure_and_not_an_anonymous_question(
    settings: Make, password: Path, caplog: pytest.LogCaptureFixture, content: str | None, said: str
) -> None:
    write(password, content)
    assert said in await refused(settings(), caplog)


async def test_a_changed_password_is_used_at_once(settings: Make, password: Path) -> None:
    hub = source(settings())
    write(password, "wrong")
    with pytest.raises(OSError, match="no server"):
        await hub.find("anna")
    write(password, PASSWORD)
    assert await hub.find("anna")


async def test_a_wrong_base_is_a_failure_and_not_an_unknown_person(
    settings: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert "noSuchObject" in await refused(settings(users={"base": f"ou=nowhere,{BASE}"}), caplog)


async def test_i5_a_server_that_hangs_is_told_in_time_and_the_event_loop_goes_on(slapd: Slapd, settings: Make) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    heart = asyncio.create_task(beat())
    for url in (slapd.starttls, slapd.ldaps):
        hub = source(settings(servers=[url], timeout=0.5))
        with slapd.frozen():
            beats = 0
            with pytest.raises(Refused, match="The university's directory does not answer"):
                await lookup.look_up(hub, "anna", site())
            assert beats > 5, "the hub stood still meanwhile"
        assert await find(settings(servers=[url])) == ANNA
    heart.cancel()


async def test_i5_while_the_server_hangs_a_known_person_can_start_and_another_is_told(
    slapd: Slapd, settings: Make
) -> None:
    hub = source(settings(timeout=3, cache=300))
    first = await hub.find("anna")
    with slapd.frozen():
        assert await hub.find("anna") is first
        with pytest.raises(Refused, match="The university's directory does not answer"):
            await lookup.look_up(hub, "peter", site())


async def test_a_server_that_is_gone_is_told_and_the_next_one_takes_over(
    slapd: Slapd, settings: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "slapd"
    folder.mkdir()
    with serve(folder) as other:
        gone = other.starttls
    assert "Connection refused" in await refused(settings(servers=[gone]), caplog)
    caplog.clear()
    hub = source(settings(servers=[gone, slapd.starttls]))
    for _ in range(3):
        answer = await hub.find("anna")
        assert answer is not None
    assert len(caplog.records) == 1, "the one that is gone is not asked again and again"
