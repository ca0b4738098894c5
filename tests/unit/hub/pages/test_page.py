"""The start page looks up what it shows, and no more."""

import pytest

from tests.support import JONAS
from tests.unit.conftest import Spawner, start_page
from tests.unit.watched import Seen, of_jonas_among


@pytest.mark.parametrize("others", [0, 1000])
async def test_a_form_looks_at_no_course_but_those_that_it_shows(spawner: Spawner, others: int) -> None:
    form = await start_page(of_jonas_among(others)).choices(spawner(JONAS, ""), None)
    assert all(f'value="{slug}"' in form for slug in ("takes", "teaches--instructor", "public"))
    assert Seen.looked_at == {"takes", "took", "teaches", "public"}
