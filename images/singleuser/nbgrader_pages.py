"""Pages of submissions, in Formgrader and as feedback, which no text of a student's keeps anybody waiting for."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from coursehub_cleaning import bounded
from nbconvert.exporters import HTMLExporter
from nbgrader.converters.base import NbGraderException

# Seconds of a processor for a page: what is no trap takes one, but for the first of a process, which imports as well.
MOST, MOST_FEEDBACK = 5, 30
# Characters of a notebook's code that is coloured.
MOST_CODE = 50_000


class TooLong(BaseException):
    """The time is over; no Exception, as work may go on after any of those."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TooLong, wherever the block is when it has used so much of a processor; in a main thread."""

    def end(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Page(HTMLExporter):  # type: ignore[misc] # nbconvert is untyped
    """nbconvert's, without what it does for notebooks of IPython 1, which takes longer than all the rest."""

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """All that its templates use."""
        yield from super().default_filters()
        yield "strip_files_prefix", lambda text: text


class Feedback(Page):
    """nbgrader's, in time."""

    def from_notebook_node(self, nb: Any, resources: Any = None, **more: Any) -> tuple[str, Any]:
        """Makes a student's page."""
        make = super().from_notebook_node
        return in_time(lambda notebook: make(notebook, resources, **more), nb, lambda _: None, MOST_FEEDBACK)


def in_time(
    make: Callable[[Any], tuple[str, Any]], notebook: Any, prepare: Callable[[Any], None], most: float = MOST
) -> tuple[str, Any]:
    """What is made of a notebook as it is prepared, or where that takes longer than `most` seconds, of its text."""
    for each in (prepare, _as_text):
        each(notebook)
        try:
            with within(most):
                return make(notebook)
        except TooLong:
            continue
    raise NbGraderException(f"its page would take longer than {most} s to make; grade it in JupyterLab, as text")


def small(notebook: Any) -> None:
    """Leaves what a page can be made of in a second."""
    bounded(notebook)
    if sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code") > MOST_CODE:
        _without_colours(notebook)


def _as_text(notebook: Any) -> None:
    bounded(notebook, html=0)
    _without_colours(notebook)


def _without_colours(notebook: Any) -> None:
    notebook.metadata.language_info = {"name": "text"}
