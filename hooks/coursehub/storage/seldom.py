"""A line of a log that others can cause: bounded in length, and seldom, however often they do."""

import logging
import time
from collections.abc import Callable

from coursehub import text

# Seconds between two lines.
EVERY = 60.0
# The most characters of what is said.
MOST = 200


class Seldom(logging.Filter):
    """Says one kind of thing at most once in EVERY seconds; the next line counts what was not said.

    As a filter of another program's logger it takes the place of its lines about errors of one `kind`.
    """

    def __init__(
        self, log: logging.Logger, kind: type[Exception] = Exception, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._log = log
        self._kind = kind
        self._clock = clock
        self._said: float | None = None
        self._unsaid = 0

    def warning(self, sentence: str) -> None:
        """Says the sentence, or counts it."""
        now = self._clock()
        if self._said is not None and now - self._said < EVERY:
            self._unsaid += 1
            return
        more = f"; and {self._unsaid} times more since the last such line" if self._unsaid else ""
        self._said, self._unsaid = now, 0
        self._log.warning("%s%s", text.line(sentence, MOST), more)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the other program's own line stays."""
        if record.exc_info and isinstance(error := record.exc_info[1], self._kind):
            self.warning(f"{record.getMessage()}: {type(error).__name__}")
            return False
        return True
