"""What others can make a log say: a line of bounded length, and seldom."""

import logging

import pytest
from coursehub.storage.seldom import EVERY, Seldom


class Clock:
    """A time that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        """See time.monotonic."""
        return self.now


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.INFO)
    return logging.getLogger("tests.seldom")


def test_of_a_flood_there_is_one_line_a_minute_that_counts_the_others(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    seldom = Seldom(log, clock=clock)
    for _ in range(10_000):
        seldom.warning("refused 10.0.0.9")
    clock.now += EVERY
    seldom.warning("refused 10.0.0.8")
    clock.now += EVERY
    seldom.warning("refused 10.0.0.7")
    assert caplog.messages == [
        "refused 10.0.0.9",
        "refused 10.0.0.8; and 9999 times more since the last such line",
        "refused 10.0.0.7",
    ]


def test_a_line_is_short_and_plain_whatever_it_is_about(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    Seldom(log).warning("from \x1b[31mred\x1b[0m\nroot: logged in\r" + "x" * 1_000_000)
    (line,) = caplog.messages
    assert line.isprintable()
    assert line.startswith("from red root: logged in xxx")
    assert len(line) == 200


def test_as_a_filter_it_takes_the_place_of_tracebacks_of_one_kind_alone(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    other = logging.getLogger("tests.other")
    seldom = Seldom(log, LookupError)
    other.addFilter(seldom)
    try:
        for kind in (KeyError, KeyError, ValueError):
            try:
                raise kind("x" * 1000)
            except (LookupError, ValueError):
                other.exception("Error from %s", "10.0.0.9")
    finally:
        other.removeFilter(seldom)
    assert caplog.messages == ["Error from 10.0.0.9: KeyError", "Error from 10.0.0.9"]
    assert [record.exc_info is None for record in caplog.records] == [True, False]
