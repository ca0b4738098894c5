"""Why servers failed, kept for the admin: whole, for a while, a few for each person."""

import asyncio
import logging
import os
import threading
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from coursehub.hub.failures import record
from coursehub.hub.failures.diagnosis import find
from coursehub.hub.failures.record import Failure
from coursehub.hub.failures.store import NEWEST, FailureStore
from coursehub.hub.metrics.spawns import Counters
from coursehub.live.kept import Folder, Kept
from prometheus_client import CollectorRegistry, generate_latest

from tests.unit.hub.failures.cases import BEGAN, IMAGE, event, pod
from tests.unit.hub.failures.records import KILLED, NOW, failed

LOG = logging.getLogger("tests")


def store(folder: Path, days: int = 14) -> FailureStore:
    """A store in a folder, as a hub that starts has it."""
    return FailureStore(Kept(Folder(folder), LOG), lambda: days, LOG)


def test_a_record_says_all_that_the_pod_and_its_events_said() -> None:
    assert failed(moment=BEGAN) == Failure(
        user="maria",
        time="2026-10-01T08:00:00Z",
        stage="running",
        reason="memory",
        sentence=(
            "Your server used more memory than the 4G of this course, and was ended. What you saved is there; keep "
            "less in memory at a time, or ask your teacher for more."
        ),
        detail="OOMKilled, exit code 137",
        exit_code=137,
        course="python-intro",
        role=None,
        pod="jupyter-maria",
        node=None,
        image=IMAGE,
        lines=("[I ServerApp] Kernel started",),
        events=("08:00:00 Normal Scheduled:", f'08:00:01 Normal Pulling: Pulling image "{IMAGE}"'),
    )


def test_events_are_plain_text_with_how_often_and_the_newest_few() -> None:
    why = find(KILLED, [])
    assert why is not None
    many = [event("BackOff", f"\x1b[2Jtry {number}\n", number, count=number) for number in range(1, 40)]
    kept = record.of("maria", NOW, "start", why, pod(), many).events
    assert len(kept) == 20
    assert kept[-1] == "08:00:39 Normal BackOff (39 times): try 39"


def test_an_admin_reads_a_record_from_top_to_bottom() -> None:
    assert list(record.text(asdict(replace(failed(moment=BEGAN), role="student", node="node-1")))) == [
        "2026-10-01T08:00:00Z  maria: python-intro, as student: failed while it ran: memory",
        "  told the person: Your server used more memory than the 4G of this course, and was ended. What you saved is "
        "there; keep less in memory at a time, or ask your teacher for more.",
        "  Kubernetes: OOMKilled, exit code 137",
        f"  pod jupyter-maria on node-1, image {IMAGE}",
        "  its events (UTC):",
        "    08:00:00 Normal Scheduled:",
        f'    08:00:01 Normal Pulling: Pulling image "{IMAGE}"',
        "  its last lines:",
        "    [I ServerApp] Kernel started",
    ]


async def test_what_is_kept_outlasts_the_hub(tmp_path: Path) -> None:
    await store(tmp_path).add(failed())
    assert await store(tmp_path).of("maria") == [failed()]
    assert await store(tmp_path).of("jonas") == []


async def test_of_one_person_the_newest_few_are_kept_the_newest_first(tmp_path: Path) -> None:
    kept = store(tmp_path)
    moments = [NOW - timedelta(minutes=number) for number in range(NEWEST + 3, 0, -1)]
    for moment in moments:
        await kept.add(failed(moment=moment))
    assert await kept.of("maria") == [failed(moment=moment) for moment in moments[: -NEWEST - 1 : -1]]


async def test_many_at_once_lose_none(tmp_path: Path) -> None:
    kept = store(tmp_path)
    people = [name for name in ("maria", "jonas", "anna") for _ in range(NEWEST)]
    await asyncio.gather(*(kept.add(failed(name)) for name in people))
    assert [len(await kept.of(name)) for name in ("maria", "jonas", "anna")] == [NEWEST] * 3


async def test_what_is_older_than_the_site_says_is_not_shown_and_leaves_the_disk(tmp_path: Path) -> None:
    kept = store(tmp_path, days=3)
    old, new = failed(moment=NOW - timedelta(days=4)), failed(moment=NOW - timedelta(days=2))
    await kept.add(old)
    await kept.add(new)
    await kept.add(replace(old, user="jonas"))
    path = tmp_path / "failures/maria.json"
    path.write_bytes(record.dump([new, old]))
    assert await kept.of("maria") == [new]
    looking = asyncio.create_task(kept.prune())
    async with asyncio.timeout(30):
        while os.listdir(path.parent) != [path.name] or record.parse(path.read_bytes()) != [new]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    looking.cancel()


async def test_without_any_failure_there_is_nothing_to_take_away(tmp_path: Path) -> None:
    store(tmp_path)._prune()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'[{"user": "maria"}]', b"\xff"])
async def test_a_damaged_record_hides_no_later_one_and_is_said_in_the_log(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    kept = store(tmp_path)
    await kept.add(failed())
    (tmp_path / "failures/maria.json").write_bytes(content)
    assert await kept.of("maria") == []
    assert "the kept failures of maria's server cannot be read" in caplog.text
    await kept.add(failed())
    assert await kept.of("maria") == [failed()]


async def test_where_it_cannot_be_kept_it_is_shown_all_the_same_and_kept_as_soon_as_it_can(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("in the way")
    kept = Kept(Folder(tmp_path), LOG)
    failures = FailureStore(kept, lambda: 14, LOG)
    await failures.add(failed())
    assert await failures.of("maria") == [failed()]
    assert kept.unsaved
    (tmp_path / "failures").unlink()
    kept.again()
    assert await store(tmp_path).of("maria") == [failed()]


@pytest.mark.parametrize("name", ["../maria", "..", "", "Maria", "a/b", "x" * 300])
async def test_a_name_that_nobody_can_have_reads_and_writes_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "maria.json").write_bytes(record.dump([failed()]))
    kept = store(tmp_path)
    await kept.add(failed(name))
    assert await kept.of(name) == []
    assert os.listdir(tmp_path) == ["maria.json"]


async def test_the_hub_goes_on_while_a_record_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    monkeypatch.setattr("coursehub.atomic.write", lambda *_: written.wait(30))
    writing = asyncio.create_task(store(tmp_path).add(failed()))
    await asyncio.sleep(0.05)
    assert not writing.done()
    written.set()
    await writing


def test_failures_are_counted_by_reason_and_course_and_by_when_they_happened() -> None:
    registry = CollectorRegistry()
    registry.register(counters := Counters())
    for each in (failed(), failed("jonas"), replace(failed(), stage="start"), replace(failed(), course=None)):
        counters.failed(each)
    lines = [line for line in generate_latest(registry).decode().splitlines() if "failures_total{" in line]
    assert lines == [
        'coursehub_spawn_failures_total{course="python-intro",reason="memory"} 1.0',
        'coursehub_server_failures_total{course="python-intro",reason="memory"} 2.0',
        'coursehub_server_failures_total{course="",reason="memory"} 1.0',
    ]
