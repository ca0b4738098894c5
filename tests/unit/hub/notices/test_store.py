"""The announcements that hold: one a scope, kept over a restart, whole or not at all."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from coursehub.errors import Refused
from coursehub.hub.notices.announcement import Announcement
from coursehub.hub.notices.store import AnnouncementStore
from coursehub.live.kept import Folder, Kept

LOG = logging.getLogger("tests")
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def said(text: str, course: str | None = None, until: datetime | None = None) -> Announcement:
    return Announcement(text=text, course=course, since=NOW, until=until)


async def test_a_new_one_takes_the_place_of_the_one_before_and_courses_have_their_own(tmp_path: Path) -> None:
    store = AnnouncementStore(Kept(Folder(tmp_path / "state"), LOG), LOG, lambda: NOW)
    for each in (said("One"), said("Ours", "python-intro"), said("Two")):
        await store.put(each)
    assert [each.text for each in store.all()] == ["Two", "Ours"]
    assert store.of("statistics-lab") is None
    again = AnnouncementStore(Kept(Folder(tmp_path / "state"), LOG), LOG, lambda: NOW)
    assert again.all() == store.all(), "a restart of the hub loses it"


async def test_clearing_takes_down_that_one_alone_also_over_a_restart(tmp_path: Path) -> None:
    store = AnnouncementStore(Kept(Folder(tmp_path), LOG), LOG, lambda: NOW)
    await store.put(said("One"))
    await store.put(said("Ours", "python-intro"))
    assert await store.clear("python-intro") == said("Ours", "python-intro")
    assert await store.clear("python-intro") is None
    assert AnnouncementStore(Kept(Folder(tmp_path), LOG), LOG, lambda: NOW).all() == [said("One")]


async def test_it_goes_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    clock = [NOW]
    store = AnnouncementStore(Kept(Folder(tmp_path), LOG), LOG, lambda: clock[0])
    await store.put(said("One", until=NOW + HOUR))
    assert store.of(None)
    clock[0] += HOUR
    assert store.of(None) is None
    assert store.all() == []
    assert await store.clear(None) is None


async def test_what_cannot_be_kept_is_not_shown_and_not_kept_later(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    kept = Kept(Folder(tmp_path / "state"), LOG)
    store = AnnouncementStore(kept, LOG, lambda: NOW)
    with pytest.raises(Refused, match=r"cannot be kept \(the hub's volume: (File exists|Not a directory)\); nothing"):
        await store.put(said("One"))
    (tmp_path / "state").unlink()
    kept.again()
    assert store.all() == AnnouncementStore(kept, LOG, lambda: NOW).all() == []


@pytest.mark.parametrize(
    "content", ["", "nonsense", "7", "[7]", '[{"text": ""}]', '[{"text": "[x](javascript:x)", "since": "2026-01-01"}]']
)
def test_a_damaged_file_is_told_and_keeps_no_hub_from_starting(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "announcements.json").write_text(content)
    assert AnnouncementStore(Kept(Folder(tmp_path), LOG), LOG).all() == []
    assert "those from before this start cannot be read" in caplog.text
