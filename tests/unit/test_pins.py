"""Whose something is, by what is on the volume: name and uid pin each other, and a gid its course."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from coursehub import layout, pins
from coursehub.errors import Refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

EMMA = ("home/03/emma", 20003)


def homes(root: Path, *which: tuple[str, int]) -> None:
    """Makes directories of these owners."""
    for path, uid in which:
        (root / path).mkdir(parents=True)
        os.chown(root / path, uid, uid)


@pytest.mark.parametrize(
    ("there", "name", "uid", "sentence"),
    [
        pytest.param(
            EMMA,
            "maria",
            20003,
            r"uid 20003 has the home home/03/emma.*if emma is called maria now.*`coursehub storage rename emma maria`",
            id="another's uid, in their folder",
        ),
        pytest.param(
            ("home/01/maria", 20001),
            "maria.virtanen",
            20001,
            r"uid 20001 has the home home/01/maria.*`coursehub storage rename maria maria.virtanen`",
            id="G7 a new login name",
        ),
        pytest.param(
            ("home/01/maria", 20001),
            "maria",
            20003,
            r"home/01/maria belongs to uid 20001, not to 20003.*`coursehub storage rename maria maria --uid 20003`",
            id="another uid, in another folder",
        ),
        pytest.param(
            ("home/01/maria", 20001), "maria", 20101, "belongs to uid 20001, not to 20101", id="I5 in the same folder"
        ),
        pytest.param(
            ("home/07/maria", 20003),
            "maria",
            20003,
            r"home/07/maria of uid 20003 is in another uid's folder.*`coursehub storage rename maria maria`",
            id="the own home in the wrong folder",
        ),
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_i8_a_name_or_uid_that_has_another_home_is_refused_with_what_to_do(
    tmp_path: Path, there: tuple[str, int], name: str, uid: int, sentence: str, new: bool
) -> None:
    homes(tmp_path, there)
    with pytest.raises(Refused, match=sentence) as refused:
        pins.hold_person(tmp_path, name, uid, new=new)
    assert str(refused.value).isprintable()


def test_i8_a_new_home_is_refused_also_where_the_uids_other_home_is_in_the_wrong_folder(tmp_path: Path) -> None:
    homes(tmp_path, ("home/07/emma", 20003))
    with pytest.raises(Refused, match="uid 20003 has the home home/07/emma"):
        pins.hold_person(tmp_path, "maria", 20003, new=True)


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(EMMA, id="their own"),
        pytest.param(("home/03/maria", 20103), id="a neighbour's"),
        pytest.param(("home/01/emma", 0), id="F3 one that is nobody's yet"),
        pytest.param(("home/03/Emma Old", 20003), id="what can be no home"),
        pytest.param(("home/emma", 20003), id="no folder of homes"),
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_what_is_nobody_elses_pins_nothing(tmp_path: Path, there: tuple[str, int], new: bool) -> None:
    homes(tmp_path, there)
    (tmp_path / "home/05").mkdir(parents=True)
    (tmp_path / "home/05/emma").symlink_to("../03/emma")
    pins.hold_person(tmp_path, "emma", 20003, new=new)


def test_a_volume_without_homes_pins_nobody(tmp_path: Path) -> None:
    pins.hold_person(tmp_path, "maria", 20001, new=True)


def test_who_has_a_home_is_looked_for_in_a_hundred_folders_and_not_at_each_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes(tmp_path, *((layout.home(uid, f"person{uid}"), uid) for uid in range(20000, 20500)))
    looked: list[Path] = []
    lstat = os.lstat

    def look(path: Path) -> os.stat_result:
        looked.append(path)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", look)
    pins.hold_person(tmp_path, "person20003", 20003)
    assert len(looked) == 99 + 5


@pytest.mark.parametrize("kept", [layout.course_files, layout.exchange, layout.course_data])
def test_f15_what_is_there_of_a_course_pins_its_gid(tmp_path: Path, kept: Callable[[str], str]) -> None:
    path = tmp_path / kept("python-intro")
    path.mkdir(parents=True)
    os.chown(path, 0, 70101)
    pins.hold_course(tmp_path, "python-intro", 70101)
    with pytest.raises(
        Refused,
        match=r"belong to group 70101, not to 70105: nothing was changed.*"
        r"`coursehub storage regroup python-intro --gid 70105`.*another slug",
    ):
        pins.hold_course(tmp_path, "python-intro", 70105)


def test_f15_a_course_that_is_new_or_not_given_to_its_group_yet_is_anybodys(tmp_path: Path) -> None:
    pins.hold_course(tmp_path, "python-intro", 70101)
    (tmp_path / layout.course_files("python-intro")).mkdir(parents=True)
    pins.hold_course(tmp_path, "python-intro", 70101)
    assert pins.gid_of(tmp_path, "python-intro") is None
