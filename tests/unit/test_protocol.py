"""What a door takes: exactly the known requests, and nothing that could be a path, a flag or a shell's word."""

import json
from typing import Any

import pytest
from coursehub import protocol
from coursehub.errors import Refused
from coursehub.limits import Limit
from coursehub.names import is_person
from coursehub.protocol import (
    ChangesReply,
    CourseRequest,
    EntryChange,
    Fault,
    FaultsReply,
    HomeRequest,
    LimitChange,
    LimitsReply,
    PeopleReply,
    PeopleRequest,
    RefusalReply,
    Tenant,
    Usage,
    UsageReply,
)
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.sent import COURSE, HOME, parsed

WRONG_UIDS: list[Any] = [0, -1, 999, 19999, 2**31 - 1, 2**32, "20001", "0", " 20001", 20001.0, True, None, [20001], {}]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        pytest.param(HOME, HomeRequest(verb="home", name="maria", uid=20001, gid=20001), id="a home"),
        pytest.param(
            HOME | {"course": "python-intro"},
            HomeRequest(verb="home", name="maria", uid=20001, gid=20001, course="python-intro"),
            id="a home, for a course",
        ),
        pytest.param(
            COURSE | {"archived": True},
            CourseRequest(verb="course", slug="python-intro", gid=70101, data="read-only", archived=True),
            id="a course",
        ),
        pytest.param({"verb": "people"}, PeopleRequest(verb="people"), id="people"),
    ],
)
def test_a_request_is_taken(sent: dict[str, Any], meant: protocol.Request) -> None:
    assert parsed(**sent) == meant


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({**COURSE, "verb": "check"}, id="check"),
        pytest.param({"verb": "people"}, id="people"),
        pytest.param({"verb": "quota", "home": "maria", "size": 1024}, id="quota"),
    ],
)
def test_what_the_hub_never_sends_its_service_does_not_know(sent: dict[str, Any]) -> None:
    assert parsed(**sent)
    with pytest.raises(Refused, match=f"{sent['verb']}.*does not match any of the expected tags"):
        protocol.parse_for_service(json.dumps(sent).encode())


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (
            ChangesReply((EntryChange("home/01", "make", "0755 0:0"),)),
            '{"changes": [{"path": "home/01", "what": "make", "to": "0755 0:0", "done": true}]}',
        ),
        (
            FaultsReply((Fault("course/a\udcff", "is missing"),)),
            r'{"findings": [{"path": "course/a\\xff", "what": "is missing", "done": false, "seen": true}]}',
        ),
        (
            UsageReply((Usage("course/a", 5, 1, Limit(None, 0), "walk"),)),
            '{"usage": [{"path": "course/a", "size": 5, "files": 1, "limit": {"size": null, "files": 0}, '
            '"counted": "walk"}]}',
        ),
        (
            LimitsReply((LimitChange("home/01/maria", "1.0 GiB", "user", done=False),)),
            '{"limits": [{"path": "home/01/maria", "limit": "1.0 GiB", "kind": "user", "done": false}]}',
        ),
        (PeopleReply((Tenant("maria", 20001, 20001),)), '{"people": [{"name": "maria", "uid": 20001, "gid": 20001}]}'),
        (RefusalReply("no"), '{"refusal": "no"}'),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_reply_is_this_on_the_wire(reply: protocol.Reply, text: str) -> None:
    assert protocol.as_json(reply) == text


def test_a_reply_is_read_as_it_was_given() -> None:
    reply = UsageReply((Usage("course/a", 5, 1, Limit(None, 0), "walk"),))
    sent = json.loads(protocol.as_json(reply))
    assert protocol.read(UsageReply, sent | {"new": 1}) == reply
    for wrong in ({}, {"usage": None}, {"usage": [sent["usage"][0] | {"path": "/etc"}]}, {"usage": [{"size": "5"}]}):
        with pytest.raises(ValidationError):
            protocol.read(UsageReply, wrong)


@pytest.mark.parametrize(
    "sent",
    [
        *(
            pytest.param(HOME | {"name": name}, id=f"I2 name {name[:20]!a}")
            for name in (
                "", ".", "..", "a/b", "../x", "a b", " maria", "maria ", "maria\n", "\nmaria", "a\0b", "-rf", "--help",
                ".hidden", "a%2f", "$(id)", "`id`", "a;id", "Maria", "m\u0430ria", "m" * 300, "\u202emaria",
            )
        ),
        *(
            pytest.param(HOME | {"uid": uid}, id=f"I1 uid {uid!r}")
            for uid in WRONG_UIDS
        ),
        *(pytest.param(HOME | {"gid": gid}, id=f"Y8 gid {gid!r}") for gid in (0, -1, 100, "20001", 2**32, 1e4, True)),
        *(
            pytest.param(COURSE | {"slug": slug}, id=f"Y1 Y2 slug {slug[:20]!a}")
            for slug in ("", ".", "..", "../../admin", "/etc", "a--b", "a\n", "a b", "A", "a" * 49, "-a", "a.b")
        ),
        pytest.param(HOME | {"course": "../maria"}, id="Y1 a home for no course"),
        pytest.param(COURSE | {"data": "rw"}, id="another kind of data"),
        pytest.param(COURSE | {"archived": "false"}, id="Y25 a word for a truth value"),
        pytest.param(HOME | {"mode": 511}, id="unknown key"),
        pytest.param(HOME | {"root": "/"}, id="another root"),
        pytest.param({**HOME, "verb": "course"}, id="another verb's keys"),
        pytest.param({"verb": "shell"}, id="unknown verb"),
        pytest.param({"verb": ["home"]}, id="verb that is a list"),
        pytest.param({}, id="nothing"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line_of_plain_letters(sent: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        parsed(**sent)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"home"', id="a word"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 60000, id="P4 nested deep"),
        pytest.param(b'{"verb": "people", "x": "' + b"a" * 70000 + b'"}', id="P4 too long"),
        pytest.param(json.dumps(HOME).encode().replace(b"20001,", b"20001, "[:-1] + b' "uid": 20002,'), id="key twice"),
        pytest.param(json.dumps(HOME).encode() + b" {}", id="two requests"),
    ],
)
def test_what_is_no_request_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        protocol.parse(text)


@given(st.text(max_size=80))
@example("maria")
@example("maria\n")
@example("..")
def test_i2_whatever_a_name_is_only_a_login_name_is_taken(name: str) -> None:
    if is_person(name):
        assert parsed(**HOME | {"name": name})
    else:
        with pytest.raises(Refused):
            parsed(**HOME | {"name": name})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_does_anything_but_be_refused_or_taken(sent: object) -> None:
    with pytest.raises(Refused):
        protocol.parse(json.dumps(sent).encode())
