"""Who is warned of what is nearly full, and in which words; and the report."""

import pytest
from coursehub.config.settings import Quotas
from coursehub.hub.notices.notice import Level
from coursehub.hub.usage import usage
from coursehub.hub.usage.usage import Order, Picture, Use
from coursehub.storage.quota import Limit

GIB = 2**30


@pytest.mark.parametrize(
    ("use", "text", "level"),
    [
        (Use(8 * GIB, 5, Limit(10 * GIB)), None, None),
        (Use(9 * GIB - 1, 5, Limit(10 * GIB)), None, None),
        (
            Use(9 * GIB, 5, Limit(10 * GIB)),
            "Your home holds 9.0 of 10.0 GiB. Delete what you do not need.",
            Level.WARNING,
        ),
        (
            Use(GIB // 2, 5, Limit(GIB // 2)),
            "Your home holds 512 of 512 MiB. Saving may fail. Delete what you do not need.",
            Level.ERROR,
        ),
        (
            Use(GIB, 95_000, Limit(10 * GIB, 100_000)),
            "Your home holds 95,000 of 100,000 files. Delete what you do not need.",
            Level.WARNING,
        ),
        (Use(9 * GIB, None, Limit()), None, None),
        (Use(9 * GIB, 5, Limit(0, 0)), None, None),
    ],
)
def test_a_person_over_the_threshold_is_warned_in_numbers_and_one_under_it_is_not(
    use: Use, text: str | None, level: Level | None
) -> None:
    note = usage.home_note(use, warn=90)
    assert (note and note.text, note and note.level) == (text, level)
    assert text is None or len(text) <= 140, "JupyterLab cuts what is longer"


def test_nobody_is_warned_of_what_is_not_known() -> None:
    assert usage.home_note(None, warn=1) is None


def test_a_warning_is_another_one_when_it_gets_worse() -> None:
    names = [usage.home_note(Use(percent, None, Limit(100)), warn=90) for percent in (90, 93, 95, 100, 130)]
    assert [note and note.id for note in names] == ["home-90", "home-90", "home-95", "home-100", "home-100"]


def test_instructors_are_warned_of_their_course() -> None:
    note = usage.course_note("python-intro", Use(95 << 20, 1, Limit(100 << 20)), warn=90)
    assert note
    assert note.text.startswith("The course's directories hold 95 of 100 MiB.")
    assert note.id == "course-python-intro-95"


def test_limits_are_the_file_systems_and_where_it_has_none_the_sites() -> None:
    quotas = Quotas.model_validate(
        {
            "home": {"size": "10G", "files": 1000},
            "people": {"anna": {"size": "20G"}},
            "courses": {"b": {"size": "1T"}},
        }
    )
    assert usage.home_limit("maria", quotas) == Limit(10 * GIB, 1000)
    assert usage.home_limit("anna", quotas) == Limit(20 * GIB, 1000)
    assert usage.course_limit("b", quotas) == Limit(1024 * GIB, None)
    assert usage.course_limit("small", quotas) == Limit(None, None)
    assert usage.limited(1, 2, Limit(5, 0), Limit(10, 6)).limit == Limit(5, 6)
    assert usage.limited(1, 2, Limit(), Limit(10)).limit == Limit(10, None)


PICTURE = Picture(
    0,
    {"maria": Use(9 * GIB, 7, Limit(10 * GIB, 1000)), "jonas": Use(20 * GIB, 7, Limit())},
    {"python-intro": Use(GIB // 2, 3, Limit(100 * GIB))},
)


def test_the_report_is_by_use_or_by_share_or_by_name() -> None:
    orders: tuple[Order, ...] = ("use", "share", "name")
    names = {by: [row["name"] for row in usage.report(PICTURE, by)] for by in orders}
    assert names == {
        "use": ["jonas", "maria", "python-intro"],
        "share": ["maria", "python-intro", "jonas"],
        "name": ["jonas", "maria", "python-intro"],
    }
    assert usage.text(usage.report(PICTURE, "use")) == [
        " 20.00 GiB of   no limit         home    jonas",
        "  9.00 GiB of  10.00 GiB   90 %  home    maria  (7 of 1000 files)",
        "  0.50 GiB of 100.00 GiB    0 %  course  python-intro",
    ]
