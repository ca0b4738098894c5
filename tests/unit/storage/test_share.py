"""The volume as whoever starts a server looks at it: only looked at, and never for long."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest
from coursehub import layout
from coursehub.errors import Reason, Refused
from coursehub.names import PERSON, SLUG, is_person, is_slug
from coursehub.storage.share import Share
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param("home/01/emma", "uid 20001 has the home home/01/emma", id="the uid has another name's home"),
        pytest.param("home/05/maria", "the home home/05/maria belongs to uid 20005", id="the name has another home"),
    ],
)
@pytest.mark.parametrize("there", [True, False], ids=["with a home", "without"])
async def test_i8_name_and_uid_pin_each_other_also_where_nobody_makes_directories(
    share: Path, more: str, sentence: str, there: bool
) -> None:
    if there:
        os.chown(share / "home/01/maria", 20001, 20001)
        await Share(share).check("home/01/maria", 20001, ["course"])
    else:
        (share / "home/01/maria").rmdir()
    (share / more).mkdir(parents=True)
    uid = int(more[5:7]) + 20000
    os.chown(share / more, uid, uid)
    with pytest.raises(Refused, match=f"Nothing was started: {sentence}.*Please show this to the administrators") as no:
        await Share(share).check("home/01/maria", 20001, ["course"])
    assert no.value.reason is Reason.DIRECTORIES


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
async def test_f15_a_course_has_the_gid_of_its_files_also_where_nobody_makes_directories(share: Path) -> None:
    files = share / layout.course_files("python-intro")
    files.mkdir(parents=True)
    os.chown(files, 0, 70101)
    await Share(share).check("home/01/maria", 0, [], ("python-intro", 70101))
    with pytest.raises(Refused, match=r"Nothing was started: the directories of course .* belong to group 70101, not"):
        await Share(share).check("home/01/maria", 0, [], ("python-intro", 70105))


async def test_a_folder_of_homes_that_cannot_be_looked_into_is_a_sentence(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", closed)
    with pytest.raises(
        Refused, match=r"The file server refused a look at home/[0-9]+ \(Permission denied\). Please try"
    ):
        await Share(share).check("home/01/maria", os.getuid(), [])


async def test_a_file_server_that_hangs_is_told_in_time_and_others_are_not_kept_waiting(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, answers = Share._look, threading.Event()

    def hang(self: Share, home: str, uid: int, others: tuple[str, ...], course: None) -> None:
        if home == "hangs":
            answers.wait(30)
        look(self, home, uid, others, course)

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


async def test_a_volume_that_hangs_is_said_in_time(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.statvfs", lambda _: time.sleep(0.5))
    with pytest.raises(Refused, match="The file server does not answer"):
        await Share(share, timeout=0.1).answers()
