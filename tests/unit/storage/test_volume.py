"""The verbs on a real tree: made once, corrected where it differs, and never through what others put there."""

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from coursehub import layout
from coursehub.errors import Refused
from coursehub.layout import Directory
from coursehub.protocol import Tenant
from coursehub.storage import volume
from coursehub.storage.volume import Volume

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

TREE = [
    *layout.home_tree(20001, 20001, "maria"),
    *layout.course_tree("python-intro", 70101, data=True, data_writable=False),
    *layout.course_tree("data-analysis", 70102, data=True, data_writable=True),
    *layout.course_tree("no-data", 70103, data=False, data_writable=False),
]
GOLDEN = """\
course 0755 0:0
course/data-analysis 0755 0:0
course/data-analysis/data 3777 0:70102
course/data-analysis/files 2770 0:70102
course/data-analysis/files/gradebook.db 0660 0:70102
course/data-analysis/people 0750 0:70102
course/data-analysis/people/passwd 0640 0:70102
course/data-analysis/runs 2771 0:70102
course/no-data 0755 0:0
course/no-data/files 2770 0:70103
course/no-data/files/gradebook.db 0660 0:70103
course/no-data/people 0750 0:70103
course/no-data/people/passwd 0640 0:70103
course/no-data/runs 2771 0:70103
course/python-intro 0755 0:0
course/python-intro/data 2775 0:70101
course/python-intro/files 2770 0:70101
course/python-intro/files/gradebook.db 0660 0:70101
course/python-intro/people 0750 0:70101
course/python-intro/people/passwd 0640 0:70101
course/python-intro/runs 2771 0:70101
exchange 0755 0:0
exchange/data-analysis 2775 0:70102
exchange/data-analysis/feedback 2771 0:70102
exchange/data-analysis/inbound 3773 0:70102
exchange/data-analysis/outbound 2775 0:70102
exchange/no-data 2775 0:70103
exchange/no-data/feedback 2771 0:70103
exchange/no-data/inbound 3773 0:70103
exchange/no-data/outbound 2775 0:70103
exchange/python-intro 2775 0:70101
exchange/python-intro/feedback 2771 0:70101
exchange/python-intro/inbound 3773 0:70101
exchange/python-intro/outbound 2775 0:70101
home 0755 0:0
home/01 0755 0:0
home/01/maria 0700 20001:20001
"""


def tree(root: Path) -> str:
    """Each directory with its mode and owner."""
    lines = []
    for path in sorted(root.rglob("*")):
        found = path.lstat()
        lines.append(f"{path.relative_to(root)} {found.st_mode & 0o7777:04o} {found.st_uid}:{found.st_gid}\n")
    return "".join(lines)


def said(root: Path, *, dry_run: bool = False) -> list[str]:
    """What is said while the tree is made."""
    return [str(change) for change in volume.ensure(root, TREE, dry_run=dry_run)]


@as_root
def test_the_tree_is_made_with_its_owners_and_modes_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made = said(tmp_path)
    finally:
        os.umask(before)
    assert tree(tmp_path) == GOLDEN
    assert "make home/01/maria 0700 20001:20001" in made


@as_root
def test_a_second_time_changes_and_says_nothing(tmp_path: Path) -> None:
    said(tmp_path)
    assert not said(tmp_path)
    assert tree(tmp_path) == GOLDEN


@as_root
@pytest.mark.parametrize(
    "bend", [lambda path: path.chmod(0o777), lambda path: os.chown(path, 5, 6)], ids=["mode", "owner"]
)
def test_a_wrong_mode_or_owner_is_corrected_and_what_is_in_it_stays(tmp_path: Path, bend: object) -> None:
    said(tmp_path)
    path = tmp_path / "course/python-intro/files"
    (path / "notes.txt").write_text("kept")
    assert callable(bend)
    bend(path)
    assert said(tmp_path) == ["correct course/python-intro/files to 2770 0:70101"]
    assert (path / "notes.txt").read_text() == "kept"
    (path / "notes.txt").unlink()
    assert tree(tmp_path) == GOLDEN


def test_a_dry_run_says_everything_and_makes_nothing(tmp_path: Path) -> None:
    assert "make exchange/python-intro/inbound 3773 0:70101" in said(tmp_path, dry_run=True)
    assert not list(tmp_path.iterdir())


@as_root
@pytest.mark.parametrize("place", ["home", "home/01/maria", "exchange/python-intro/inbound"])
def test_a_symbolic_link_in_the_way_is_never_followed(tmp_path: Path, place: str) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir(mode=0o700)
    said(root)
    path = root / place
    os.rename(path, tmp_path / "away")
    path.symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError, match="is in the way"):
        said(root)
    found = elsewhere.stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid, list(elsewhere.iterdir())) == (0o700, 0, 0, [])


@as_root
def test_a_link_put_there_between_the_look_and_the_change_is_not_followed(
    tmp_path: Path,
) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir(mode=0o700)
    (root / "a").mkdir()
    steps = volume.ensure(root, [Directory("a", 0o2777, 0, 70101)])
    assert str(next(steps)) == "correct a to 2777 0:70101"
    (root / "a").rmdir()
    (root / "a").symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError):
        next(steps)
    assert elsewhere.stat().st_mode & 0o7777 == 0o700


@as_root
def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(NotADirectoryError, match="is in the way"):
        said(tmp_path)


@as_root
def test_the_gradebook_is_an_empty_file_that_sqlite_takes_and_a_used_one_keeps_owner_and_content(
    tmp_path: Path,
) -> None:
    said(tmp_path)
    gradebook = tmp_path / layout.gradebook("python-intro")
    with closing(sqlite3.connect(gradebook)) as database, database:
        database.execute("create table grade (points)")
    os.chown(gradebook, 30001, 30001)
    gradebook.chmod(0o600)
    assert said(tmp_path) == ["correct course/python-intro/files/gradebook.db to 0660 0:70101"]
    found = gradebook.stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o660, 30001, 70101)
    with closing(sqlite3.connect(gradebook)) as database:
        assert database.execute("select * from grade").fetchall() == []


@as_root
@pytest.mark.parametrize("link", ["symbolic", "hard", "pipe"])
def test_f2_what_a_course_puts_in_the_gradebooks_place_gives_it_no_other_file(tmp_path: Path, link: str) -> None:
    said(tmp_path)
    secret = tmp_path / "home/01/maria/secret"
    secret.write_text("")
    secret.chmod(0o600)
    gradebook = tmp_path / layout.gradebook("python-intro")
    gradebook.unlink()
    {
        "symbolic": lambda: gradebook.symlink_to(secret),
        "hard": lambda: os.link(secret, gradebook),
        "pipe": lambda: os.mkfifo(gradebook),
    }[link]()
    with pytest.raises((NotADirectoryError, Refused), match=r"is in the way|has a second name"):
        said(tmp_path)
    found = secret.stat()
    assert (found.st_mode & 0o7777, found.st_gid) == (0o600, 0)


@as_root
def test_a_home_is_made_once_and_then_left_alone(tmp_path: Path) -> None:
    volume_ = Volume(tmp_path)
    assert [str(each) for each in volume_.home("maria", 20001, 20001)] == [
        "make home 0755 0:0",
        "make home/01 0755 0:0",
        "make home/01/maria 0700 20001:20001",
    ]
    assert volume_.home("maria", 20001, 20001) == []


@as_root
def test_i5_a_home_that_is_another_uids_is_refused_and_stays_so(tmp_path: Path) -> None:
    Volume(tmp_path).home("maria", 20001, 20001)
    with pytest.raises(Refused, match="belongs to uid 20001, not to 20101"):
        Volume(tmp_path).home("maria", 20101, 20101)
    assert (tmp_path / "home/01/maria").stat().st_uid == 20001


@as_root
@pytest.mark.parametrize(
    ("name", "uid", "sentence"),
    [
        pytest.param("maria", 20003, "uid 20003 has the home home/03/emma", id="emma's uid"),
        pytest.param("emma", 20004, "home/03/emma belongs to uid 20003, not to 20004", id="emma's name"),
        pytest.param("emma", 20103, "home/03/emma belongs to uid 20003, not to 20103", id="I5 emma's home"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_i8_a_home_gives_nobody_anothers_uid_or_name(
    tmp_path: Path, name: str, uid: int, sentence: str, dry_run: bool
) -> None:
    Volume(tmp_path).home("emma", 20003, 20003)
    before = tree(tmp_path)
    with pytest.raises(Refused, match=sentence):
        Volume(tmp_path).home(name, uid, uid, dry_run=dry_run)
    assert tree(tmp_path) == before


@as_root
def test_i8_two_names_with_one_uid_that_an_earlier_version_made_are_both_refused(tmp_path: Path) -> None:
    for name in ("emma", "maria"):
        volume_ = Volume(tmp_path)
        list(volume_.ensure(layout.home_tree(20003, 20003, name)))
    for name in ("emma", "maria"):
        with pytest.raises(Refused, match="uid 20003 has the home home/03/"):
            Volume(tmp_path).home(name, 20003, 20003)


@as_root
def test_i8_of_many_names_that_ask_for_one_uid_in_the_same_moment_one_gets_a_home(tmp_path: Path) -> None:
    volume_ = Volume(tmp_path)

    def ask(number: int) -> bool:
        try:
            return bool(volume_.home(f"person{number}", 20003, 20003))
        except Refused:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(64))) == 1
    assert len(os.listdir(tmp_path / "home/03")) == 1


@as_root
def test_f15_a_course_that_comes_back_with_another_gid_keeps_its_directories(tmp_path: Path) -> None:
    Volume(tmp_path).course("python-intro", 70101, "read-only")
    before = tree(tmp_path)
    for archived in (False, True):
        with pytest.raises(Refused, match="belong to group 70101, not to 70105"):
            Volume(tmp_path).course("python-intro", 70105, "read-write", archived=archived)
    assert tree(tmp_path) == before


@as_root
def test_f3_a_home_that_was_made_and_not_yet_given_away_is_given_away(tmp_path: Path) -> None:
    (tmp_path / "home/01/maria").mkdir(parents=True)
    Volume(tmp_path).home("maria", 20001, 20001)
    assert (tmp_path / "home/01/maria").stat().st_uid == 20001


@as_root
@pytest.mark.parametrize("place", ["home", "home/01", "."])
@pytest.mark.parametrize("bend", [lambda path: os.chown(path, 20001, 20001), lambda path: path.chmod(0o1777)])
def test_f2_nothing_is_made_below_a_directory_that_others_own_or_write_in(
    tmp_path: Path, place: str, bend: Callable[[Path], None]
) -> None:
    Volume(tmp_path).home("maria", 20001, 20001)
    bend(tmp_path / place)
    with pytest.raises(Refused, match="could put something else in the place of what is below"):
        Volume(tmp_path).home("jonas", 20101, 20101)
    assert not (tmp_path / "home/01/jonas").exists()


@as_root
def test_an_archived_course_is_closed_and_opened_again_by_its_file(tmp_path: Path) -> None:
    open_ = Volume(tmp_path).course("data-analysis", 70102, "read-write")
    before = tree(tmp_path)
    changes = Volume(tmp_path).course("data-analysis", 70102, "read-write", archived=True)
    assert {change.what for change in open_} == {"make"}
    assert {change.what for change in changes} == {"correct"}
    assert (
        tree(tmp_path)
        == """\
course 0755 0:0
course/data-analysis 0755 0:0
course/data-analysis/data 2755 0:70102
course/data-analysis/files 2750 0:70102
course/data-analysis/files/gradebook.db 0440 0:70102
course/data-analysis/people 0750 0:70102
course/data-analysis/people/passwd 0640 0:70102
course/data-analysis/runs 2751 0:70102
exchange 0755 0:0
exchange/data-analysis 2755 0:70102
exchange/data-analysis/feedback 2751 0:70102
exchange/data-analysis/inbound 2751 0:70102
exchange/data-analysis/outbound 2755 0:70102
"""
    )
    Volume(tmp_path).course("data-analysis", 70102, "read-write")
    assert tree(tmp_path) == before


@as_root
def test_everyone_with_a_home_of_their_own_is_listed(tmp_path: Path) -> None:
    for name, uid in (("maria", 20001), ("anna", 30001), ("jonas", 20002)):
        Volume(tmp_path).home(name, uid, uid)
    (tmp_path / "home/01/Not A Name").mkdir()
    (tmp_path / "home/01/root").mkdir()
    (tmp_path / "home/01/link").symlink_to("maria")
    os.rename(tmp_path / "home/02/jonas", tmp_path / "home/01/jonas")
    assert Volume(tmp_path).people() == [Tenant("anna", 30001, 30001), Tenant("maria", 20001, 20001)]


def test_a_volume_without_homes_has_nobody(tmp_path: Path) -> None:
    assert Volume(tmp_path).people() == []


@as_root
def test_a_trial_leaves_nothing(tmp_path: Path) -> None:
    Volume(tmp_path).trial()
    assert not list(tmp_path.iterdir())


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o777], ids=["cannot make", "makes, cannot give away"])
def test_a_trial_without_roots_rights_names_the_ssh_door_and_leaves_nothing(mode: int) -> None:
    with TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(mode)
        os.seteuid(65534)
        try:
            with pytest.raises(Refused, match=r"has root_squash.*ssh door"):
                Volume(root).trial()
        finally:
            os.seteuid(0)
        assert not list(root.iterdir())
