"""The numbers on /hub/metrics: what is live, what had to stay, what went wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
from coursehub.hub.metrics.courses import CourseMetrics
from coursehub.live.snapshot import Snapshot
from prometheus_client import CollectorRegistry, generate_latest

from tests.support import catalog, site
from tests.unit.live.states import STATE

FINE = replace(STATE, entries=STATE.entries[:1], problems=())


def numbers(now: Snapshot, *memory: Path, unsaved: str | None = None) -> dict[str, float]:
    """What a scrape finds, and each sample's labels."""
    registry = CollectorRegistry()
    registry.register(CourseMetrics(lambda: now, lambda: unsaved, memory))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_a_scrape_finds_each_live_course_and_what_is_wrong() -> None:
    assert numbers(Snapshot(site(), catalog(), STATE.problems, STATE)) == {
        "coursehub_courses": 4,
        "coursehub_course_file_problems": 3,
        "coursehub_courses_load_error": 1,
        "coursehub_state_saved": 1,
        "coursehub_courses_generation": 7,
        "coursehub_courses_loaded_timestamp_seconds": 1790928000,
        'coursehub_course_info{course="a",version="1234567"}': 1,
        'coursehub_course_info{course="b",version="2345678"}': 1,
        'coursehub_course_info{course="c",version="3456789"}': 1,
        'coursehub_course_stale{course="b"}': 1,
        'coursehub_course_stale{course="c"}': 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "limit"),
    [
        pytest.param("memory.max", "1073741824\n", 2**30, id="a limit"),
        pytest.param("memory.max", "max\n", None, id="none"),
        pytest.param("memory.limit_in_bytes", "1073741824\n", 2**30, id="a limit, by version 1"),
        pytest.param("memory.limit_in_bytes", "9223372036854771712\n", None, id="none, by version 1"),
        pytest.param("else", "1", None, id="no such file"),
    ],
)
def test_how_much_memory_the_hub_may_use_is_a_number_where_there_is_a_limit(
    tmp_path: Path, name: str, content: str, limit: float | None
) -> None:
    (tmp_path / name).write_text(content)
    files = (tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes")
    assert numbers(Snapshot(site(), catalog(), (), FINE), *files).get("coursehub_hub_memory_limit_bytes") == limit


@pytest.mark.parametrize(
    ("failure", "unsaved", "load_error", "saved"),
    [(None, None, 0, 1), ("ended by SIGKILL", None, 1, 1), (None, "No space left on device", 0, 0)],
)
def test_y23_what_went_wrong_is_a_number_to_alert_on(
    failure: str | None, unsaved: str | None, load_error: float, saved: float
) -> None:
    found = numbers(Snapshot(site(), catalog(), (), FINE, failure), unsaved=unsaved)
    assert found["coursehub_courses_load_error"] == load_error
    assert found["coursehub_state_saved"] == saved
    assert "coursehub_course_stale" not in "".join(found)
