"""Who somebody is to the operating system, and who may never have a server."""

import logging
import os
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from coursehub import layout
from coursehub.config.settings import AuthState
from coursehub.errors import Refused
from coursehub.people import lookup
from coursehub.people.claims import ClaimsProvider
from coursehub.people.directory import People
from coursehub.people.lookup import Answer, Source, unix_person
from coursehub.person import Group, Person
from coursehub.storage.share import Share
from pydantic import ValidationError

from tests.support import site

LOG = logging.getLogger("tests.identity")
ASKED = datetime(2026, 10, 1, 12, tzinfo=UTC)


class Saying:
    """A directory that answers with one person, or not at all."""

    def __init__(self, answer: Person | Exception | None) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def find(self, name: str) -> Answer | None:
        """See Source.find."""
        self.asked.append(name)
        if isinstance(self._answer, Exception):
            raise self._answer
        return None if self._answer is None else Answer(self._answer, ASKED)


def values() -> Source:
    """The people of the tests' site."""
    return People(LOG).source(site().identity)


async def look_up(source: Source, name: str, *hub_groups: str) -> Person:
    return (await lookup.look_up(source, name, site(), hub_groups)).person


async def test_a_known_person_comes_with_uid_gid_and_groups() -> None:
    person = await look_up(values(), "peter")
    assert person == Person("peter", 30002, 30002, (Group("data-analysis", 70102),))
    assert person.gids == {30002, 70102}
    assert person.group_names == {"data-analysis"}


async def test_groups_of_jupyterhub_are_groups_by_name_and_no_gids() -> None:
    person = await look_up(values(), "peter", "physics", "Students")
    assert person.group_names == {"data-analysis", "physics", "Students"}
    assert person.gids == {30002, 70102}


async def test_an_admin_of_the_site_is_one() -> None:
    assert (await look_up(values(), "sofia")).admin
    assert not (await look_up(values(), "anna")).admin


@pytest.mark.parametrize("name", ["root", "nobody", "stranger"])
async def test_i1_who_is_not_in_the_directory_is_refused_and_told_what_to_do(name: str) -> None:
    with pytest.raises(Refused, match=r"is not known in the university's directory.*contact the administrators"):
        await look_up(values(), name)


@pytest.mark.parametrize(
    ("uid", "refused"),
    [(0, True), (1, True), (19999, True), (20000, False), (65534, True), (65535, True), (65536, False)],
    ids=str,
)
async def test_i1_a_uid_below_the_sites_minimum_or_of_nobody_is_refused(uid: int, refused: bool) -> None:
    source = Saying(Person("anna", uid, 5000))
    if refused:
        with pytest.raises(Refused, match=r"is a system account .uid .* Please use your personal account"):
            await look_up(source, "anna")
    else:
        assert (await look_up(source, "anna")).uid == uid


@pytest.mark.parametrize(
    ("gid", "refused"), [(70099, False), (70100, True), (70101, True), (79999, True), (80000, False)], ids=str
)
async def test_y9_whose_own_group_is_one_that_is_kept_for_courses_gets_no_server(gid: int, refused: bool) -> None:
    source = Saying(Person("anna", 30001, gid))
    if refused:
        with pytest.raises(Refused, match=f"has the primary group {gid}, which is kept for courses.*administrators"):
            await look_up(source, "anna")
    else:
        assert (await look_up(source, "anna")).gid == gid


@pytest.mark.parametrize(
    ("uid", "gid", "refused"),
    [(65533, 30001, True), (30001, 65533, True), (65532, 65532, False)],
    ids=["its uid", "its gid", "another's"],
)
async def test_f17_nobody_is_whom_submissions_are_executed_as(uid: int, gid: int, refused: bool) -> None:
    source = Saying(Person("anna", uid, gid))
    if refused:
        with pytest.raises(Refused, match=r"65533, which is kept for grading submissions.*administrators"):
            await look_up(source, "anna")
    else:
        assert (await look_up(source, "anna")).uid == uid


@pytest.mark.parametrize("gid", [65534, 65535])
def test_y9_nobodys_group_is_no_group(gid: int, caplog: pytest.LogCaptureFixture) -> None:
    """File servers give it to whatever they have of root, so its members would read that."""
    assert unix_person("anna", 30001, gid, [], LOG) is None
    assert f"{gid} is nobody's on file servers" in caplog.text
    found = unix_person("anna", 30001, 30001, [("wide", gid), ("own", 70101)], LOG)
    assert found
    assert found.gids == {30001, 70101}
    with pytest.raises(ValidationError, match=f"{gid} is nobody's on file servers; write the group's own"):
        AuthState.model_validate({"gids": {"wide": gid}})


async def test_y9_a_group_of_a_course_beside_ones_own_is_membership() -> None:
    person = await look_up(Saying(Person("anna", 30001, 30001, (Group("python-intro", 70101),))), "anna")
    assert person.gids == {30001, 70101}


@pytest.mark.parametrize(
    "name",
    [*("../x", "a/b", "a b", "a%2f", "a\n", "-x", "x" * 300, "\u0430nna", "", "*", ")(uid=*", "a\0"), "Anna"],
    ids=ascii,
)
async def test_i2_i4_the_directory_is_not_even_asked_for_an_unsafe_name(name: str) -> None:
    source = Saying(Person("anna", 30001, 30001))
    with pytest.raises(Refused, match=r"cannot have a server here: a login name has .* contact the administrators"):
        await look_up(source, name)
    assert not source.asked


@pytest.mark.parametrize("other", ["root2", "Anna", "ANNA", "anna ", "\u0430nna"], ids=ascii)
async def test_i4_i5_an_answer_about_somebody_else_is_refused(other: str) -> None:
    with pytest.raises(Refused, match="contact the administrators"):
        await look_up(Saying(Person(other, 30009, 30009)), "anna")


async def test_i5_another_persons_uid_does_not_open_the_home(tmp_path: Path) -> None:
    home = tmp_path / layout.home(os.getuid(), "anna")
    home.mkdir(parents=True)
    said = await look_up(Saying(Person("anna", 30101 + os.getuid() % 100, 30001)), "anna")
    moved = Saying(Person("anna", 30001 if os.getuid() % 100 != 1 else 30002, 30001))
    elsewhere = await look_up(moved, "anna")
    # The other's folder is another one, and where the hundreds agree the owner tells.
    with pytest.raises(Refused, match="Your home directory does not exist yet"):
        await Share(tmp_path).check(layout.home(said.uid, "anna"), said.uid, [])
    with pytest.raises(Refused, match=f"belongs to uid {os.getuid()}, but the directory says"):
        await Share(tmp_path).check(layout.home(os.getuid(), "anna"), elsewhere.uid, [])


async def test_a_directory_cannot_make_somebody_an_admin() -> None:
    assert not (await look_up(Saying(Person("anna", 30001, 30001, admin=True)), "anna")).admin


async def test_a_directory_that_does_not_answer_refuses_in_a_sentence() -> None:
    with pytest.raises(Refused, match=r"does not answer.*try again"):
        await look_up(Saying(OSError("connection refused")), "anna")


ODD_UIDS: list[object] = [
    *(None, "", "0", 0, -1, "-1", 2**31, 2**32, str(2**32), True, 1.0, "1e3", "0o17", "030001", "30001 "),
    *("\u0663\u0660\u0660\u0660\u0661", ["30001"], {}, b"30001"),
]
ODD_GIDS: list[object] = [None, 0, "0", 100, 999, True, -1, 2**31, "2147483648", "users"]


@pytest.mark.parametrize(
    ("uid", "gid"),
    [*product(ODD_UIDS, [30001]), *product([30001], ODD_GIDS)],
    ids=ascii,
)
def test_i5_an_account_with_an_odd_uid_or_gid_is_nobody_and_the_log_says_why(
    uid: object, gid: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert unix_person("anna", uid, gid, (), LOG) is None
    assert "directory: anna is nobody here: uid" in caplog.text


def test_digits_are_as_good_as_numbers() -> None:
    person = unix_person("anna", "30001", "30002", [("physics", "70101"), ("plain", None)], LOG)
    assert person == Person("anna", 30001, 30002, (Group("physics", 70101),), hub_groups=frozenset({"plain"}))


@pytest.mark.parametrize(
    "group",
    [
        *(
            ("a\nb", 70101),
            (" a", 70101),
            ("a\u202eb", 70101),
            ("", 70101),
            (None, 70101),
            (7, None),
            ("x" * 300, None),
        ),
        *(("wheel", 0), ("docker", 100), ("neg", -1), ("big", 2**32), ("truth", True), ("odd", "0x10")),
    ],
    ids=repr,
)
def test_i6_a_group_that_cannot_be_used_is_left_out_and_the_others_stay(
    group: tuple[object, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    person = unix_person("anna", 30001, 30001, [("physics", 70101), group, ("maths", 70102)], LOG)
    assert person is not None
    assert person.groups == (Group("physics", 70101), Group("maths", 70102))
    assert not person.hub_groups
    assert "is left out" in caplog.text


@pytest.mark.parametrize(
    "name",
    ["Domain Users", "/cs", "2026W-703", "0b7c3e55-5b1c-4d5e-9f61-2f0a5d2f5a10", "Kurs Informatik 1", "urn:mace:x:cs"],
)
def test_a_group_may_have_any_name_that_is_one_line(name: str) -> None:
    person = unix_person("anna", 30001, 30001, [(name, 70101)], LOG)
    assert person == Person("anna", 30001, 30001, (Group(name, 70101),))


def test_i6_a_person_may_be_in_any_number_of_groups() -> None:
    person = unix_person("anna", 30001, 30001, ((f"g{number}", 70000 + number) for number in range(1000)), LOG)
    assert person is not None
    assert len(person.gids) == 1001


CLAIMS = {"uidNumber": "30001", "gidNumber": 30001, "groups": ["physics", "python-intro"], "sub": "anna"}


def claims(state: object, **settings: Any) -> Person | None:
    return ClaimsProvider(AuthState(**settings), state, LOG).find("anna")


def test_claims_of_the_login_are_a_person() -> None:
    assert claims({"oauth_user": CLAIMS}, gids={"python-intro": 70101}) == Person(
        "anna", 30001, 30001, (Group("python-intro", 70101),), hub_groups=frozenset({"physics"})
    )


def test_claims_may_be_lists_and_one_group_a_word() -> None:
    listed = {**CLAIMS, "uidNumber": ["30001"], "gidNumber": [30001], "groups": "/cs"}
    assert claims({"oauth_user": listed}, gids={"/cs": 70101}) == Person("anna", 30001, 30001, (Group("/cs", 70101),))


@pytest.mark.parametrize("several", [["30001", "30002"], []], ids=repr)
def test_i5_a_claim_that_says_several_uids_or_none_is_nobodys(several: list[str]) -> None:
    assert claims({"oauth_user": {**CLAIMS, "uidNumber": several}}) is None


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}}, id="code"),
        pytest.param({"hasgroups": True}, id="implicit"),
        pytest.param({"hasgroups": "true"}, id="implicit, as text"),
    ],
)
def test_groups_that_are_too_many_for_a_login_are_told_in_a_sentence(
    instead: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    few = {key: value for key, value in CLAIMS.items() if key != "groups"}
    with pytest.raises(Refused, match=r"'anna' is in more groups than its login can name.*the administrators"):
        claims({"oauth_user": {**few, **instead}})
    assert "have the identity provider name fewer" in caplog.text
    assert claims({"oauth_user": {**CLAIMS, **instead}}) is not None, "they are named after all"


def test_claims_may_have_other_names_and_no_groups() -> None:
    assert claims({"user": {"id": 30001}}, claims="user", uid="id", gid="id") == Person("anna", 30001, 30001)


@pytest.mark.parametrize("state", [None, {}, [], "x", {"oauth_user": None}, {"oauth_user": "x"}, CLAIMS], ids=repr)
def test_without_claims_somebody_is_nobody_and_the_log_says_what_to_set(
    state: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert claims(state) is None
    assert "the login left no 'oauth_user' in the auth_state; set enable_auth_state" in caplog.text


@pytest.mark.parametrize("groups", [{"physics": 1}, 7, None], ids=repr)
def test_a_claim_that_is_no_list_gives_no_groups(groups: object) -> None:
    assert claims({"oauth_user": {**CLAIMS, "groups": groups}}) == Person("anna", 30001, 30001)


@pytest.mark.parametrize("group", [7, None, ["python-intro"], {"name": "python-intro"}, "a\nb"], ids=repr)
def test_an_odd_group_in_a_claim_is_left_out(group: object) -> None:
    found = claims({"oauth_user": {**CLAIMS, "groups": [group, "physics"]}}, gids={"python-intro": 70101})
    assert found == Person("anna", 30001, 30001, hub_groups=frozenset({"physics"}))
