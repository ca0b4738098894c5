"""A course gets another group: all that has its group now, what pins it last, and nobody's own group."""

import os
from pathlib import Path

import pytest
from coursehub import layout, pins
from coursehub.errors import Refused
from coursehub.storage import ownership, regroup
from coursehub.storage.check import Inspector
from coursehub.storage.course import CourseTree
from coursehub.storage.volume import Volume

from tests.unit.storage.trees import Cut, changes, copy, owned, write

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

FILES = "course/python-intro/files"
SUBMITTED = "exchange/python-intro/inbound/maria+ps1+x/one.ipynb"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume with two courses; one has been used, and maria has a home."""
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    Volume(root).home("maria", 20001, 20001)
    for slug, gid in (("python-intro", 70101), ("data-analysis", 70102)):
        Volume(root).course(slug, gid, "read-write")
    write(root / f"{FILES}/source/ps1/hidden.ipynb", 30001, 70101)
    (root / f"{FILES}/source").chmod(0o2770)
    write(root / SUBMITTED, 20001, 70101)
    os.chown(write(root / SUBMITTED.replace("one.ipynb", "timestamp.txt"), 20001), 20001, 20001)
    return root


def run(root: Path, gid: int, slug: str = "python-intro", *, dry_run: bool = False) -> list[str]:
    """What is said."""
    steps = regroup.regroup(Volume(root), slug, gid, dry_run=dry_run, progress=lambda *_: None)
    return [str(step) for step in steps]


def test_f15_a_course_gets_another_group_once_somebody_says_so_on_the_storage_host(root: Path) -> None:
    before = owned(root)
    said = [
        "give 1 files and directories in course/python-intro/people to group 70105",
        "give 5 files and directories in exchange/python-intro to group 70105",
        "give 4 files and directories in course/python-intro/files to group 70105",
        "correct course/python-intro/data to group 70105",
        "correct course/python-intro/people to group 70105",
        "correct course/python-intro/runs to group 70105",
        "correct exchange/python-intro to group 70105",
        "correct course/python-intro/files to group 70105",
    ]
    assert run(root, 70105, dry_run=True) == said
    assert owned(root) == before
    assert run(root, 70105) == said
    # Owners, modes with their setgid, other courses and what has a student's group stay.
    assert owned(root) == {path: owner.replace(":70101", ":70105") for path, owner in before.items()}
    assert (root / layout.people_list("python-intro")).stat().st_gid == 70105
    assert Volume(root).course("python-intro", 70105, "read-write") == []
    assert run(root, 70105) == []
    inspector = Inspector(root)
    assert not [
        each for each in inspector.course(CourseTree("python-intro", 70105, "read-write")) if "group" in each.what
    ]


def test_wherever_it_was_cut_off_the_course_is_the_old_groups_and_the_next_run_completes_it(
    root: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    copy(root, whole)
    run(whole, 70105)
    for most in range(100):
        cut = tmp_path / f"cut{most}"
        copy(root, cut)
        with pytest.MonkeyPatch.context() as patch:
            changes(patch, most)
            try:
                run(cut, 70105)
            except Cut:
                assert pins.gid_of(cut, "python-intro") == 70101
            else:
                break
        run(cut, 70105)
        assert owned(cut) == owned(whole), most
    assert most == 1 + 5 + 4 + 5


@pytest.mark.parametrize(
    ("slug", "gid", "sentence"),
    [
        ("nothing", 70105, "course 'nothing' has no directories here; look at the slug"),
        ("python-intro", 70102, "group 70102 is course 'data-analysis''s"),
        ("python-intro", 20001, "group 20001 is the one of maria's home, who would be an instructor"),
    ],
)
def test_f15_a_group_of_another_course_or_of_a_person_is_refused(
    root: Path, slug: str, gid: int, sentence: str
) -> None:
    before = owned(root)
    with pytest.raises(Refused, match=sentence):
        run(root, gid, slug)
    assert owned(root) == before


def test_f2_no_link_is_followed_and_a_second_name_elsewhere_stays(root: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "secret", 20001, 70101)
    (root / FILES / "link").symlink_to(elsewhere)
    os.chown(root / FILES / "link", 30001, 70101, follow_symlinks=False)
    os.link(write(root / "home/01/maria/diary", 20001, 70101), root / FILES / "mine")
    said = run(root, 70105)
    assert any("1 stay as they are" in line for line in said)
    assert [path.stat().st_gid for path in (elsewhere, root / "home/01/maria/diary")] == [70101, 70101]
    assert (root / FILES / "link").lstat().st_gid == 70105


def test_of_a_long_run_it_is_said_how_far_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "STEP", 2)
    told: list[str] = []
    list(regroup.regroup(Volume(root), "python-intro", 70105, dry_run=True, progress=lambda path, _: told.append(path)))
    assert FILES in told
