"""The start page looks up what it shows, and no more."""

from datetime import UTC, datetime

import pytest
from coursehub.config import timetable
from coursehub.config.days import WEEKDAYS

from tests.support import JONAS, MARIA, catalog, site
from tests.unit.conftest import Spawner, start_page
from tests.unit.watched import Seen, of_jonas_among


@pytest.mark.parametrize("others", [0, 1000])
async def test_a_form_looks_at_no_course_but_those_that_it_shows(spawner: Spawner, others: int) -> None:
    form = await start_page(of_jonas_among(others)).choices(spawner(JONAS, ""), None)
    assert all(f'value="{slug}"' in form for slug in ("takes", "teaches--instructor", "public"))
    assert Seen.looked_at == {"takes", "took", "teaches", "public"}


async def test_the_page_says_when_the_class_is_that_runs_or_comes_next(spawner: Spawner) -> None:
    every_day = ", ".join(f'{{day: {day}, from: "00:00", until: "23:59", expected: 1}}' for day in WEEKDAYS)
    live = catalog(f"courses: {{c: {{name: C, students: everyone, classes: [{every_day}]}}}}")
    before = datetime.now(UTC)
    form = await start_page(live).choices(spawner(MARIA, ""), None)
    # Midnight may have come in between.
    said = {timetable.said(live.courses["c"], site().zone, now) for now in (before, datetime.now(UTC))}
    assert any(f"Class: {words}</span>" in form for words in said)
