"""One at a time: what two instructors do with the same student's work, they do one after the other.

Each student's work is one byte of a file in /course, and that byte is locked. The lock ends with whoever holds it, also
where their machine is cut off (coursehub_home.py).
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from coursehub_ending import wait
from coursehub_files import open_descriptor

FILE = ".nbgrader-lock"
# Seconds to wait for the other's end.
PATIENCE = 60.0
UNLOCKED = "Nobody is kept from the work of %s meanwhile: %s"


class Busy(Exception):
    """Somebody else is at work, for long."""


@contextmanager
def alone(course: str, whose: str, log: Logger) -> Iterator[None]:
    """Nobody else is at `whose` work meanwhile; Busy, a sentence, where somebody is for longer than PATIENCE."""
    held = _opened(course, whose, log)
    if held is None:
        yield
        return
    place = int.from_bytes(hashlib.sha256(os.fsencode(whose)).digest()[:7])
    end = time.monotonic() + PATIENCE
    told = False
    try:
        while True:
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() > end:
                    raise Busy(f"somebody else is at the work of {whose}; do it again when they are done") from None
                if not told:
                    log.warning("Somebody else is at the work of %s; waiting for the end of it", whose)
                told = True
                wait(0.2)
            except OSError as error:
                log.warning(UNLOCKED, whose, error.strerror)
                break
        yield
    finally:
        os.close(held)


def _opened(course: str, whose: str, log: Logger) -> int | None:
    try:
        return open_descriptor(os.path.join(course, FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        log.warning(UNLOCKED, whose, error.strerror)
        return None
