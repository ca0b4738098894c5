"""Which name somebody who logs in has: no mapping of names makes two people one."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from coursehub import layout, pins
from coursehub.config.settings import Identity, Login
from coursehub.errors import Refused
from coursehub.names import is_person, is_same_person
from coursehub.people import login
from hypothesis import example, given
from hypothesis import strategies as st
from jupyterhub.utils import subdomain_hook_idna
from kubespawner.slugs import safe_slug

UNIVERSITY = Login(domain="Example.edu")
KELVIN = "\u212a"


@pytest.mark.parametrize(
    ("settings", "says", "claims", "name"),
    [
        pytest.param({}, "maria", None, "maria", id="as it is"),
        pytest.param({"domain": "example.edu"}, "maria@example.edu", None, "maria", id="without the domain"),
        pytest.param({"domain": "Example.edu"}, "maria@EXAMPLE.EDU", None, "maria", id="in capitals"),
        pytest.param({"claim": "uid"}, "Maria Rossi", {"uid": "mrossi"}, "mrossi", id="of a claim"),
        pytest.param({"claim": "uid"}, "Maria Rossi", {"uid": ["mrossi"]}, "mrossi", id="of a list in a claim"),
        pytest.param(
            {"claim": "mail", "domain": "example.edu"}, "x", {"mail": "m.rossi@example.edu"}, "m.rossi", id="of both"
        ),
    ],
)
def test_the_name_of_a_login(settings: dict[str, Any], says: str, claims: object, name: str) -> None:
    assert login.name(says, claims, Login(**settings)) == name


@pytest.mark.parametrize(
    ("settings", "says", "claims", "sentence"),
    [
        pytest.param({"domain": "example.edu"}, "maria@example.org", {}, "yours is one of 'example.org'", id="another"),
        pytest.param({"domain": "example.edu"}, "maria@x.example.edu", {}, "'x.example.edu'", id="one below"),
        pytest.param({"domain": "example.edu"}, "maria", {}, "Only accounts of example.edu .* of no domain", id="none"),
        pytest.param({"domain": "example.edu"}, "maria@a@example.edu", {}, "'a@example.edu'", id="two"),
        pytest.param({"domain": "k.edu"}, f"maria@{KELVIN}.edu", {}, "Only accounts of k.edu", id="a Kelvin"),
        pytest.param({"claim": "uid"}, "maria", {}, "lacks 'uid', by which you are known here", id="no claim"),
        pytest.param({"claim": "uid"}, "maria", None, "lacks 'uid'", id="no claims"),
        pytest.param({"claim": "uid"}, "maria", {"uid": ["a", "b"]}, "lacks 'uid'", id="two names"),
        pytest.param({"claim": "uid"}, "maria", {"uid": ""}, "lacks 'uid'", id="an empty name"),
        pytest.param({}, f"mar{KELVIN}", {}, "has letters that look like others", id="a Kelvin in the name"),
    ],
)
def test_a_login_that_has_no_name_here_is_refused_in_a_sentence(
    settings: dict[str, Any], says: str, claims: object, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        login.name(says, claims, Login(**settings))


def hub_name(says: str, settings: Login) -> str | None:
    """What JupyterHub calls whoever says so, where it can be somebody with a server."""
    try:
        name = login.name(says, {}, settings).lower()
    except Refused:
        return None
    return name if is_person(name) else None


local = st.from_regex(r"[A-Za-z0-9._-]{1,8}", fullmatch=True) | st.text("abkK\u212a\u0130\u017fs.@", max_size=6)
domains = st.sampled_from(["", "@", "@example.edu", "@EXAMPLE.edu", "@example.org", "@example.edu.", "@x@example.edu"])
logins = st.builds("".join, st.tuples(local, domains)) | st.text(max_size=12)
mappings = st.sampled_from([Login(), UNIVERSITY])


ALIKE: list[Callable[[str], str]] = [
    str.upper,
    str.title,
    lambda says: says.replace("k", KELVIN),
    lambda says: says.replace("s", "\u017f"),
    lambda says: says.replace("i", "\u0130"),
    lambda says: says.replace("a", "\u0430"),
    lambda says: says.replace(".", "_"),
    lambda says: says + "@example.edu",
    lambda says: says.replace(".edu", ".org"),
    lambda says: says.replace("@", "@x@"),
    lambda says: says.partition("@")[0],
    lambda says: says + "\u200b",
    lambda says: says + " ",
    lambda says: unicodedata.normalize("NFKC", says),
]


@given(logins, st.lists(st.sampled_from(ALIKE), max_size=3), mappings)
@example("mark", [ALIKE[2]], Login())
@example("mark@example.edu", [ALIKE[2]], UNIVERSITY)
@example("maria@example.edu", [ALIKE[8]], UNIVERSITY)
@example("maria@example.edu", [ALIKE[10]], UNIVERSITY)
def test_i4_two_logins_have_one_name_only_where_they_differ_by_capitals_alone(
    one: str, changes: list[Callable[[str], str]], settings: Login
) -> None:
    other = one
    for change in changes:
        other = change(other)
    name = hub_name(one, settings)
    if name is not None and name == hub_name(other, settings):
        assert is_same_person(one, other.lower())


@given(st.lists(st.tuples(logins, st.integers(20000, 20210)), max_size=12), mappings)
@example([("20001", 20001), ("x-20001", 20101), ("20001", 20101)], Login())
@example([("a.b", 20001), ("a_b", 20101), ("a-b", 20201), ("A.B", 20001)], Login())
def test_i8_no_two_people_share_a_home_a_pod_an_origin_or_a_uid(people: list[tuple[str, int]], settings: Login) -> None:
    """Whatever logins there are, and whatever uids the directory gives them."""
    homes: dict[str, pins.Home] = {}
    for says, uid in people:
        name = hub_name(says, settings)
        if name is None:
            continue
        try:
            pins.Homes(homes.values()).hold(name, uid)
        except Refused:
            continue
        mine = pins.Home(layout.home(uid, name), name, uid)
        assert homes.setdefault(mine.path, mine) == mine
    names = [home.name for home in homes.values()]
    assert len({home.uid for home in homes.values()}) == len(set(names)) == len(names)
    assert len({safe_slug(name, max_length=48) for name in names}) == len(names)
    assert len({subdomain_hook_idna(name, "hub.example.edu", "user") for name in names}) == len(names)


IDENTITY = Identity()


@pytest.mark.parametrize(
    ("before", "now", "identity"),
    [
        pytest.param(None, {"sub": "1"}, {}, id="the first login"),
        pytest.param({"sub": "1"}, {"sub": "1"}, {}, id="the same person"),
        pytest.param({}, {"sub": "1"}, {}, id="none before"),
        pytest.param({"sub": "1"}, None, {}, id="none now"),
        pytest.param({"sub": "1"}, {"sub": "2"}, {"subject": ""}, id="not looked at"),
        pytest.param({"oid": "1", "sub": "1"}, {"oid": "1", "sub": "2"}, {"subject": "oid"}, id="of another name"),
    ],
)
def test_an_account_goes_on_for_the_person_whose_it_is(before: object, now: object, identity: dict[str, Any]) -> None:
    login.hold("maria", before, now, Identity.model_validate({"authState": identity}))


@pytest.mark.parametrize("now", ["2", 1, ["1"]], ids=repr)
def test_i4_an_account_is_closed_to_another_person(now: object) -> None:
    with pytest.raises(Refused, match=r"The account 'maria' is that of another login.*administrators"):
        login.hold("maria", {"sub": "1"}, {"sub": now}, IDENTITY)
