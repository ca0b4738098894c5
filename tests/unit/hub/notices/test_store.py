"""The announcements that hold: one a scope, kept over a restart, whole or not at all."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from coursehub.errors import Refused
from coursehub.hub.notices.announcement import Announcement
from coursehub.hub.notices.store import AnnouncementStore

LOG = logging.getLogger("tests")
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def said(text: str, course: str | None = None, until: datetime | None = None) -> Announcement:
    return Announcement(text=text, course=course, since=NOW, until=until)


async def test_a_new_one_takes_the_place_of_the_one_before_and_courses_have_their_own(tmp_path: Path) -> None:
    store = AnnouncementStore(tmp_path / "state", LOG, lambda: NOW)
    for each in (said("One"), said("Ours", "python-intro"), said("Two")):
        await store.put(each)
    assert [each.text for each in store.all()] == ["Two", "Ours"]
    assert store.of("statistics-lab") is None
    again = AnnouncementStore(tmp_path / "state", LOG, lambda: NOW)
    assert again.all() == store.all(), "a restart of the hub loses it"
    assert (tmp_path / "state/announcements.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


async def test_clearing_takes_down_that_one_alone_also_over_a_restart(tmp_path: Path) -> None:
    store = AnnouncementStore(tmp_path, LOG, lambda: NOW)
    await store.put(said("One"))
    await store.put(said("Ours", "python-intro"))
    assert await store.clear("python-intro") == said("Ours", "python-intro")
    assert await store.clear("python-intro") is None
    assert AnnouncementStore(tmp_path, LOG, lambda: NOW).all() == [said("One")]


async def test_it_goes_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    clock = [NOW]
    store = AnnouncementStore(tmp_path, LOG, lambda: clock[0])
    await store.put(said("One", until=NOW + HOUR))
    assert store.of(None)
    clock[0] += HOUR
    assert store.of(None) is None
    assert store.all() == []
    assert await store.clear(None) is None


async def test_what_cannot_be_kept_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    store = AnnouncementStore(tmp_path / "state", LOG, lambda: NOW)
    with pytest.raises(Refused, match=r"the hub's volume does not take it \((File exists|Not a directory)\)"):
        await store.put(said("One"))
    assert store.all() == []


@pytest.mark.parametrize(
    "content", ["", "nonsense", "7", "[7]", '[{"text": ""}]', '[{"text": "[x](javascript:x)", "since": "2026-01-01"}]']
)
def test_a_damaged_file_is_told_and_keeps_no_hub_from_starting(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "announcements.json").write_text(content)
    assert AnnouncementStore(tmp_path, LOG).all() == []
    assert "those from before this start cannot be read" in caplog.text
