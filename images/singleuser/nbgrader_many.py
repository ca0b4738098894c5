"""Autograding of many submissions at once: each by a process of its own, which does the whole of nbgrader's step.

The step mostly waits for the hub, which gives as many places as it has. So the next begin while none waits for a
place, and no number is to be set here. What one child meets concerns no other.
"""

import io
import logging
import signal
import sys
import warnings
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

import nbgrader_apart
from coursehub_beside import Child
from coursehub_ending import SIGNALS
from nbformat import current_nbformat, current_nbformat_minor
from nbformat.validator import get_validator
from nbgrader.converters.base import BaseConverter
from nbgrader_convert import End, convert, finish, whose

# However many places the hub has: each is a process of this server, and some are busy before they ask for theirs.
MOST, PREPARING = 16, 4
# Characters of a submission's log.
MOST_LOG = 2**20
# Of whom what: *asking*, *waiting*, *executing* (nbgrader_apart.py).
Told = Callable[[str, str, str], None]


def convert_notebooks(self: BaseConverter) -> None:
    """nbgrader's command: each submission's log is shown in one piece, when it has ended."""
    paths = sorted(self.assignments)
    ends = []

    def told(name: str, what: str, why: str) -> None:
        if what != "asking":
            self.log.info("%s: %s", name, f"{what}: {why}" if why else what)

    for end in at_once(self, paths, told):
        ends.append(end)
        sys.stderr.write(end.log)
        self.log.info("%d of %d: %s: %s", len(ends), len(paths), end.whose, end.how)
    finish(self, ends)


def at_once(self: BaseConverter, paths: Sequence[str], told: Told) -> Iterator[End]:
    """Each submission's end, as they end; once this process is told to end, the rest is *cancelled*."""
    _prepare()
    left = deque(paths)
    running: dict[Connection, _Child] = {}
    with _ending(running) as cancelled:
        while left or running:
            if left and cancelled:
                yield from (End(whose(self, path)[1], "cancelled") for path in left)
                left.clear()
                continue
            if left and _is_room(running.values()):
                with _undisturbed():
                    child = _Child(self, left.popleft())
                    running[child.heard] = child
                    if cancelled:
                        child.process.terminate()
                continue
            for heard in wait(list(running)):
                child = running[heard]
                try:
                    said = child.hear()
                except RuntimeError as error:
                    said = End(child.whose, "failed", str(error))
                if isinstance(said, End):
                    del running[heard]
                    child.close()
                    yield End(said.whose, "cancelled", log=said.log) if cancelled and said.how == "failed" else said
                else:
                    child.state = said[0]
                    told(child.whose, *said)


def _prepare() -> None:
    """What each child would do anew takes a third of a CPU-second: it has it from here."""
    import_module("sqlalchemy.dialects.sqlite")
    for relaxed in (False, True):
        get_validator(current_nbformat, current_nbformat_minor, relax_add_props=relaxed)


class _Child(Child):
    """A process that autogrades one submission."""

    def __init__(self, converter: BaseConverter, path: str) -> None:
        self.whose = whose(converter, path)[1]
        self.state = "preparing"
        super().__init__(signal.SIGTERM, _autograde, converter, path)


def _is_room(running: Collection[_Child]) -> bool:
    states = Counter(child.state for child in running)
    waiting = states["asking"] + states["waiting"]
    return len(running) < MOST and not waiting and states["preparing"] < PREPARING


def _autograde(said: Connection, self: BaseConverter, path: str) -> None:
    """What the child does; SIGNALS, which are kept from it, reach it where it waits."""
    # What SQLAlchemy has to say to nbgrader's developers.
    warnings.simplefilter("ignore")
    log = io.StringIO()
    for handler in self.log.handlers:
        if type(handler) is logging.StreamHandler:
            handler.setStream(log)
    changes: deque[tuple[str, str]] = deque(maxlen=1)

    def tell(what: str, why: str = "") -> None:
        if (what, why) not in changes:
            changes.append((what, why))
            said.send((what, why))

    nbgrader_apart.tell = tell
    try:
        end = convert(self, path)
    except KeyboardInterrupt:
        end = End(whose(self, path)[1], "cancelled")
    with suppress(BrokenPipeError):
        said.send(end._replace(log=log.getvalue()[-MOST_LOG:]))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """SIGNALS come after the block, in this process; what is forked in it is never ended by one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _ending(running: dict[Connection, _Child]) -> Iterator[list[int]]:
    """A list that is not empty once this process is told to end; so are those that run then."""
    cancelled: list[int] = []

    def cancel(number: int, _: Any) -> None:
        cancelled.append(number)
        for child in running.values():
            child.process.terminate()

    before = {each: signal.signal(each, cancel) for each in SIGNALS}
    try:
        yield cancelled
    finally:
        # Whatever broke it off: none of them goes on with nobody to hear of its end.
        for child in running.values():
            child.process.terminate()
        for each, handler in before.items():
            signal.signal(each, handler)
