"""Who is warned of a full home or course, and in which words."""

import pytest
from coursehub.hub.notices import fullness
from coursehub.hub.notices.notice import Level
from coursehub.hub.usage.usage import DiskUse
from coursehub.limits import Limit

GIB = 2**30


@pytest.mark.parametrize(
    ("use", "text", "level"),
    [
        (DiskUse(8 * GIB, 5, Limit(10 * GIB)), None, None),
        (DiskUse(9 * GIB - 1, 5, Limit(10 * GIB)), None, None),
        (
            DiskUse(9 * GIB, 5, Limit(10 * GIB)),
            "Your home holds 9.0 of 10.0 GiB. Delete what you do not need.",
            Level.WARNING,
        ),
        (
            DiskUse(GIB // 2, 5, Limit(GIB // 2)),
            "Your home holds 512 of 512 MiB. Saving may fail. Delete what you do not need.",
            Level.ERROR,
        ),
        (
            DiskUse(GIB, 95_000, Limit(10 * GIB, 100_000)),
            "Your home holds 95,000 of 100,000 files. Delete what you do not need.",
            Level.WARNING,
        ),
        (DiskUse(9 * GIB, None, Limit()), None, None),
        (DiskUse(9 * GIB, 5, Limit(0, 0)), None, None),
    ],
)
def test_a_person_over_the_threshold_is_warned_in_numbers_and_one_under_it_is_not(
    use: DiskUse, text: str | None, level: Level | None
) -> None:
    notice = fullness.home_notice(use, warn=90)
    assert (notice and notice.text, notice and notice.level) == (text, level)
    assert text is None or len(text) <= 140, "JupyterLab cuts what is longer"


def test_nobody_is_warned_of_what_is_not_known() -> None:
    assert fullness.home_notice(None, warn=1) is None


def test_a_warning_is_another_one_when_it_gets_worse() -> None:
    names = [fullness.home_notice(DiskUse(percent, None, Limit(100)), warn=90) for percent in (90, 93, 95, 100, 130)]
    assert [notice and notice.id for notice in names] == ["home-90", "home-90", "home-95", "home-100", "home-100"]


def test_instructors_are_warned_of_their_course() -> None:
    notice = fullness.course_notice("python-intro", DiskUse(95 << 20, 1, Limit(100 << 20)), warn=90)
    assert notice
    assert notice.text.startswith("The course's directories hold 95 of 100 MiB.")
    assert notice.id == "course-python-intro-95"
