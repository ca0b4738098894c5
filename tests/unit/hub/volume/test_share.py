"""The volume as the hub sees it: only looked at, and never for long."""

import os
import threading
import time
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.errors import Refused
from coursehub.hub.volume.share import Share
from coursehub.names import PERSON, SLUG, is_person, is_slug
from hypothesis import strategies as st

TREE = [
    *layout.home_tree(20001, 20001, "maria"),
    *layout.course_tree("python-intro", 70101, data=True, data_writable=False),
    *layout.course_tree("data-analysis", 70102, data=True, data_writable=True),
    *layout.course_tree("no-data", 70103, data=False, data_writable=False),
]
slugs = st.from_regex(SLUG, fullmatch=True).filter(is_slug)
people = st.from_regex(PERSON, fullmatch=True).filter(is_person)
FOLDERS = (layout.course_files, layout.course_data, layout.exchange)


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
    look, answers = Share._look, threading.Event()

    def hang(self: Share, home: str, uid: int, others: tuple[str, ...]) -> None:
        if home == "hangs":
            answers.wait(30)
        look(self, home, uid, others)

    monkeypatch.setattr(Share, "_look", hang)
    volume = Share(share, timeout=1)
    with pytest.raises(Refused, match=r"The file server does not answer. Please try again in a few minutes."):
        await volume.check("hangs", 0, [])
    await volume.check("home/01/maria", os.getuid(), [])
    assert not answers.is_set()
    answers.set()


async def test_a_volume_answers_or_the_reason_is_said(share: Path) -> None:
    await Share(share).answers()
    with pytest.raises(Refused, match=r"The file server refused a look at the volume \(No such file or directory\)"):
        await Share(share / "gone").answers()


def test_whether_it_is_mounted_is_known_without_a_look_at_it(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    stat = os.stat

    def look(path: Path, **more: bool) -> os.stat_result:
        looked.append(Path(path))
        return stat(path, **more)

    monkeypatch.setattr("os.stat", look)
    assert Share(share / "home").mounted
    assert not Share(share / "elsewhere").mounted
    assert not Share(share / "elsewhere/home").mounted
    assert share / "home" not in looked


async def test_a_volume_that_hangs_is_said_in_time(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.statvfs", lambda _: time.sleep(0.5))
    with pytest.raises(Refused, match="The file server does not answer"):
        await Share(share, timeout=0.1).answers()
