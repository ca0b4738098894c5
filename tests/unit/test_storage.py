"""The shared tree: made once, corrected where it differs, only looked at by the hub."""

import os
import posixpath
import time
from pathlib import Path

import pytest
from coursehub import storage
from coursehub.errors import Refused
from coursehub.names import PERSON, SLUG, is_person, is_slug
from coursehub.storage import Directory, Share
from hypothesis import example, given
from hypothesis import strategies as st

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

TREE = [
    *storage.home_tree(20001, 20001, "maria"),
    *storage.course_tree("python-intro", 70101, data=True, data_writable=False),
    *storage.course_tree("data-analysis", 70102, data=True, data_writable=True),
    *storage.course_tree("no-data", 70103, data=False, data_writable=False),
]
GOLDEN = """\
course 0755 0:0
course/data-analysis 0755 0:0
course/data-analysis/data 3777 0:70102
course/data-analysis/files 2770 0:70102
course/no-data 0755 0:0
course/no-data/files 2770 0:70103
course/python-intro 0755 0:0
course/python-intro/data 2775 0:70101
course/python-intro/files 2770 0:70101
exchange 0755 0:0
exchange/data-analysis 2775 0:70102
exchange/data-analysis/feedback 2771 0:70102
exchange/data-analysis/inbound 2773 0:70102
exchange/data-analysis/outbound 2775 0:70102
exchange/no-data 2775 0:70103
exchange/no-data/feedback 2771 0:70103
exchange/no-data/inbound 2773 0:70103
exchange/no-data/outbound 2775 0:70103
exchange/python-intro 2775 0:70101
exchange/python-intro/feedback 2771 0:70101
exchange/python-intro/inbound 2773 0:70101
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


slugs = st.from_regex(SLUG, fullmatch=True).filter(is_slug)
people = st.from_regex(PERSON, fullmatch=True).filter(is_person)
FOLDERS = (storage.course_files, storage.course_data, storage.exchange)


@given(slugs, slugs, people, people, st.integers(1, 2**31 - 2), st.integers(1, 2**31 - 2))
@example("files", "data", "course", "exchange", 1, 101)
@example("a", "a-b", "a", "a.b", 1, 1)
def test_y6_y7_no_two_courses_or_people_share_a_directory_or_have_one_in_anothers(
    one: str, other: str, person: str, another: str, uid: int, another_uid: int
) -> None:
    paths = {folder(slug) for folder in FOLDERS for slug in (one, other)}
    paths |= {storage.home(uid, person), storage.home(another_uid, another)}
    assert len(paths) == len(FOLDERS) * len({one, other}) + len({(uid % 100, person), (another_uid % 100, another)})
    for path in paths:
        assert path == posixpath.normpath(path)
        assert path.split("/")[0] in ("home", "course", "exchange")
        assert ".." not in path.split("/")
        assert not [each for each in paths if each.startswith(f"{path}/")]


def test_y6_only_root_writes_in_a_directory_above_one_that_is_mounted() -> None:
    mounted = [storage.home(20001, "maria"), storage.course_files("data-analysis"), storage.exchange("data-analysis")]
    above = {each for each in TREE if any(path.startswith(f"{each.path}/") for path in mounted)}
    assert {each.path for each in above} == {"home", "home/01", "course", "course/data-analysis", "exchange"}
    assert all((each.uid, each.mode & 0o022) == (0, 0) for each in above)


@as_root
def test_the_tree_is_made_with_its_owners_and_modes_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        said = list(storage.ensure(tmp_path, TREE))
    finally:
        os.umask(before)
    assert tree(tmp_path) == GOLDEN
    assert "make home/01/maria 0700 20001:20001" in said


@as_root
def test_a_second_time_changes_and_says_nothing(tmp_path: Path) -> None:
    list(storage.ensure(tmp_path, TREE))
    assert not list(storage.ensure(tmp_path, TREE))
    assert tree(tmp_path) == GOLDEN


@as_root
@pytest.mark.parametrize(
    "bend", [lambda path: path.chmod(0o777), lambda path: os.chown(path, 5, 6)], ids=["mode", "owner"]
)
def test_a_wrong_mode_or_owner_is_corrected_and_what_is_in_it_stays(tmp_path: Path, bend: object) -> None:
    list(storage.ensure(tmp_path, TREE))
    path = tmp_path / "course/python-intro/files"
    (path / "notes.txt").write_text("kept")
    assert callable(bend)
    bend(path)
    assert list(storage.ensure(tmp_path, TREE)) == ["correct course/python-intro/files to 2770 0:70101"]
    assert (path / "notes.txt").read_text() == "kept"
    (path / "notes.txt").unlink()
    assert tree(tmp_path) == GOLDEN


def test_a_dry_run_says_everything_and_makes_nothing(tmp_path: Path) -> None:
    said = list(storage.ensure(tmp_path, TREE, dry_run=True))
    assert "make exchange/python-intro/inbound 2773 0:70101" in said
    assert not list(tmp_path.iterdir())


@as_root
@pytest.mark.parametrize("place", ["home", "home/01/maria", "exchange/python-intro/inbound"])
def test_a_symbolic_link_in_the_way_is_never_followed(tmp_path: Path, place: str) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir(mode=0o700)
    list(storage.ensure(root, TREE))
    path = root / place
    os.rename(path, tmp_path / "away")
    path.symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError, match="is in the way"):
        list(storage.ensure(root, TREE))
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
    steps = storage.ensure(root, [Directory("a", 0o2777, 0, 70101)])
    assert next(steps) == "correct a to 2777 0:70101"
    (root / "a").rmdir()
    (root / "a").symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError):
        next(steps)
    assert elsewhere.stat().st_mode & 0o7777 == 0o700


@as_root
def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(NotADirectoryError, match="is in the way"):
        list(storage.ensure(tmp_path, TREE))


def test_homes_are_spread_over_a_hundred_folders() -> None:
    assert storage.home(20001, "maria") == "home/01/maria"
    assert storage.home(30000, "x") == "home/00/x"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "home/01/maria").mkdir(parents=True)
    (tmp_path / "course").mkdir()
    return tmp_path


async def test_a_home_and_the_courses_directories_that_are_there_are_fine(share: Path) -> None:
    await Share(share).check("home/01/maria", os.getuid(), ["course"])


@pytest.mark.parametrize(
    ("home", "uid", "others", "sentence"),
    [
        pytest.param(
            "home/01/anna", 0, [], "Your home directory does not exist yet.*ask the administrators", id="F3 no home"
        ),
        pytest.param(
            "home/01/maria", 1, [], "belongs to uid .*but the directory says that you are uid", id="I5 another's"
        ),
        pytest.param(
            "home/01/maria",
            0,
            ["course/x"],
            "course/x does not exist yet. Please tell the course's teacher",
            id="F3 course",
        ),
        pytest.param("home/link", 0, [], "Your home directory does not exist yet", id="F1 symbolic link"),
        pytest.param("home/file", 0, [], "Your home directory does not exist yet", id="a file"),
        pytest.param("home/file/x", 0, [], "Your home directory does not exist yet", id="below a file"),
        pytest.param(
            "home/" + "x" * 300, 0, [], "The file server refused a look at .*Please try again", id="file server's error"
        ),
    ],
)
async def test_what_is_missing_or_anothers_is_refused_in_a_sentence(
    share: Path, home: str, uid: int, others: list[str], sentence: str
) -> None:
    (share / "home/link").symlink_to(share / "home/01/maria")
    (share / "home/file").write_text("")
    with pytest.raises(Refused, match=sentence):
        await Share(share).check(home, os.getuid() + uid, others)


async def test_a_file_server_that_hangs_is_told_in_time_and_others_are_not_kept_waiting(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Share._look

    def hang(self: Share, home: str, uid: int, others: tuple[str, ...]) -> None:
        if home == "hangs":
            time.sleep(0.5)
        look(self, home, uid, others)

    monkeypatch.setattr(Share, "_look", hang)
    volume = Share(share, timeout=0.1)
    start = time.monotonic()
    with pytest.raises(Refused, match=r"The file server does not answer. Please try again in a few minutes."):
        await volume.check("hangs", 0, [])
    await volume.check("home/01/maria", os.getuid(), [])
    assert time.monotonic() - start < 0.4
