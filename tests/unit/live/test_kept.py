"""What the hub keeps over a restart: whole, for itself alone, and said where it is not so."""

import asyncio
import logging
from pathlib import Path

import pytest
from coursehub.live.kept import CannotKeep, Change, Folder, Kept, Memory

LOG = logging.getLogger("tests")
NAME = "failures/maria.json"


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """In a folder that is not there yet."""
    return Kept(Folder(tmp_path / "kept"), LOG)


def restarted(tmp_path: Path) -> Kept:
    """As the next hub has it."""
    return Kept(Folder(tmp_path / "kept"), LOG)


def in_the_way(tmp_path: Path) -> Path:
    """A file where the folder has to be."""
    (tmp_path / "kept").touch()
    return tmp_path / "kept"


def test_what_is_kept_outlasts_a_restart_and_is_for_the_hub_alone(tmp_path: Path, kept: Kept) -> None:
    kept.keep(NAME, b"one")
    kept.write("live.jsonl", b"two")
    again = restarted(tmp_path)
    assert (again.read(NAME), again.read("live.jsonl"), again.read("else")) == (b"one", b"two", None)
    assert again.names("failures") == [NAME]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "kept").rglob("*")}
    assert modes == {"failures": 0o700, "maria.json": 0o600, "live.jsonl": 0o600}
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_what_is_removed_is_gone_and_removed_twice_without_a_word(tmp_path: Path, where: str) -> None:
    kept = restarted(tmp_path) if where == "folder" else Kept(Memory("it is a test's"), LOG)
    kept.keep(NAME, b"one")
    kept.keep("failures/jonas.json", b"one")
    for _ in range(2):
        kept.remove(NAME)
    assert kept.read(NAME) is None
    assert kept.names("failures") == ["failures/jonas.json"]


def test_what_the_place_does_not_take_is_there_and_said_until_it_does(
    tmp_path: Path, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    wall = in_the_way(tmp_path)
    caplog.set_level(logging.INFO)
    for content in (b"one", b"two"):
        kept.keep(NAME, content)
    assert kept.read(NAME) == b"two"
    assert kept.names("failures") == [NAME]
    assert kept.unsaved is not None
    assert kept.unsaved.startswith("the hub's volume: ")
    assert caplog.messages == [f"A restart of the hub would not know {NAME}: {kept.unsaved}"], "said once"
    wall.unlink()
    kept.again()
    assert kept.unsaved is None
    assert caplog.messages[1:] == ["A restart of the hub would know all again"]
    assert restarted(tmp_path).read(NAME) == b"two"


def test_one_that_is_kept_does_not_hide_another_that_is_not(tmp_path: Path, kept: Kept) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/failures").touch()
    kept.keep(NAME, b"one")
    kept.keep("live.jsonl", b"two")
    assert kept.unsaved


def test_what_was_removed_meanwhile_is_not_tried_again(tmp_path: Path, kept: Kept) -> None:
    wall = in_the_way(tmp_path)
    kept.keep(NAME, b"one")
    wall.unlink()
    kept.remove(NAME)
    kept.again()
    assert restarted(tmp_path).read(NAME) is None
    assert kept.unsaved is None


def test_what_has_to_be_kept_at_once_is_an_error_and_forgotten(tmp_path: Path, kept: Kept) -> None:
    wall = in_the_way(tmp_path)
    with pytest.raises(CannotKeep, match="the hub's volume: "):
        kept.write(NAME, b"one")
    wall.unlink()
    kept.again()
    assert kept.read(NAME) is None
    assert kept.unsaved is None


def added(word: bytes) -> Change:
    return lambda before: (before or b"") + word


def test_a_change_of_what_is_there_loses_nothing_of_it_while_the_place_is_away(tmp_path: Path, kept: Kept) -> None:
    kept.change(NAME, added(b"one "))
    (tmp_path / "kept").rename(tmp_path / "away")
    wall = in_the_way(tmp_path)
    kept.change(NAME, added(b"two "))
    kept.change(NAME, added(b"three "))
    assert kept.read(NAME) == b"two three ", "what is known of it"
    assert kept.unsaved
    wall.unlink()
    (tmp_path / "away").rename(wall)
    kept.again()
    assert kept.unsaved is None
    assert kept.read(NAME) == restarted(tmp_path).read(NAME) == b"one two three "


def test_a_change_of_what_is_held_is_held_with_it(tmp_path: Path, kept: Kept) -> None:
    wall = in_the_way(tmp_path)
    kept.keep(NAME, b"one ")
    kept.change(NAME, added(b"two "))
    assert kept.read(NAME) == b"one two "
    wall.unlink()
    kept.again()
    assert restarted(tmp_path).read(NAME) == b"one two "


async def test_the_hub_tries_again_by_itself(tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursehub.live.kept.PAUSE", 0.01)
    wall = in_the_way(tmp_path)
    kept.keep(NAME, b"one")
    trying = asyncio.create_task(kept.follow())
    wall.unlink()
    async with asyncio.timeout(30):
        while kept.unsaved:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    trying.cancel()
    assert restarted(tmp_path).read(NAME) == b"one"


def test_memory_works_and_says_from_the_start_that_nothing_outlasts_a_restart(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept(Memory("its database is in memory"), LOG)
    assert "Nothing that the hub keeps outlasts its restart: its database is in memory" in caplog.text
    kept.keep(NAME, b"one")
    kept.write("live.jsonl", b"two")
    assert (kept.read(NAME), kept.read("live.jsonl")) == (b"one", b"two")
    assert kept.unsaved == "its database is in memory"
