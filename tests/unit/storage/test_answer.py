"""What a request does on the volume, and the reply; which requests a door takes."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coursehub.errors import Refused
from coursehub.ids import GidRange
from coursehub.protocol import ChangesReply, EntryChange, FaultsReply, PeopleReply, Tenant
from coursehub.storage.answer import Bounds, answer
from coursehub.storage.volume import Volume

from tests.unit.sent import COURSE, HOME, parsed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_the_reply_has_each_change_and_the_second_none(tmp_path: Path) -> None:
    request, volume = parsed(**HOME), Volume(tmp_path)
    planned = answer(request, volume, dry_run=True)
    assert not list(tmp_path.iterdir())
    made = answer(request, volume, dry_run=False)
    assert isinstance(planned, ChangesReply)
    assert isinstance(made, ChangesReply)
    assert EntryChange("home/01/maria", "make", "0700 20001:20001") in made.changes
    assert tuple(replace(change, done=False) for change in made.changes) == planned.changes
    assert answer(request, volume, dry_run=False) == ChangesReply(())
    assert answer(parsed(verb="people"), volume, dry_run=False) == PeopleReply((Tenant("maria", 20001, 20001),))


CHECK = {**COURSE, "verb": "check", "repair": True}
QUOTA = {"verb": "quota", "course": "python-intro", "gid": 70101, "size": 1024}
ALL = frozenset({"home", "course", "check", "people", "usage", "quota"})


def gids(minimum: int, maximum: int) -> GidRange:
    return GidRange(minimum=minimum, maximum=maximum)


def bounds(*verbs: str, gids: GidRange | None = None) -> Bounds:
    return Bounds("this key", "its line", frozenset(verbs) or ALL, gids)


@pytest.mark.parametrize(
    ("within", "sent", "sentence"),
    [
        (bounds("home", "people"), COURSE, "this key may be asked for home, people, not for course; its line says so"),
        (Bounds("this key", "its line", frozenset(), None), HOME, "for nothing, not for home"),
        *(
            pytest.param(
                bounds(gids=gids(70200, 70299)),
                sent,
                "gids 70200-70299, not 70101; its line says so",
                id=verb,
            )
            for verb, sent in (("course", COURSE), ("check", CHECK), ("quota", QUOTA))
        ),
        (bounds(), COURSE, "no course: its line has no --gids"),
        (bounds(), HOME | {"course": "python-intro"}, "no course: its line has no --gids"),
        (
            bounds(gids=gids(70100, 79999)),
            HOME | {"gid": 70101},
            "primary group 70101 is kept for courses",
        ),
    ],
)
def test_f15_a_request_outside_of_a_doors_verbs_and_gids_is_a_sentence(
    within: Bounds, sent: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        within.hold(parsed(**sent))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("sent", [HOME, COURSE, CHECK, QUOTA, {"verb": "people"}, {"verb": "usage"}])
def test_a_request_within_is_taken(sent: dict[str, Any]) -> None:
    bounds(gids=gids(70101, 70101)).hold(parsed(**sent))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
@pytest.mark.parametrize("sent", [COURSE, CHECK, QUOTA], ids=lambda sent: sent["verb"])
def test_f15_no_request_gives_a_course_to_another_gid(tmp_path: Path, sent: dict[str, Any]) -> None:
    volume = Volume(tmp_path)
    answer(parsed(**COURSE), volume, dry_run=False)
    before = {path: path.lstat().st_gid for path in tmp_path.rglob("*")}
    try:
        reply = answer(parsed(**sent | {"gid": 70105}), volume, dry_run=False)
    except Refused as refusal:
        said = str(refusal)
    else:
        assert isinstance(reply, FaultsReply)
        (finding,) = reply.findings
        said, done = finding.what, finding.done
        assert not done
    assert "belong to group 70101, not to 70105" in said
    assert {path: path.lstat().st_gid for path in tmp_path.rglob("*")} == before
