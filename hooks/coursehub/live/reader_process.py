"""One run of `coursehub.live.reader`, as its starter sees it, who waits a bounded time for it."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from coursehub.errors import CoursehubError

from . import state
from .state import State

# Seconds until it begins, which is not the storage's affair but the processor's; from then on, those of silence.
_BEGINS = 60.0
_SILENT = 10.0
_LONGEST = 64 * 2**20


class Lost(CoursehubError):
    """The process is of no use any more; the message says what happened to it."""


class Child:
    """The running process; `last` is what it goes on from."""

    def __init__(self, arguments: Sequence[str], last: State) -> None:
        self._pipe, theirs = os.pipe()
        # A file without a name, so that a process that reads nothing holds nobody up.
        with open(os.memfd_create("state"), "w+b") as given, open(theirs, "wb") as output:
            given.writelines(line + b"\n" for line in state.dump(last))
            given.seek(0)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "coursehub.live.reader", *arguments],
                    cwd="/",
                    # None of the hub's secrets.
                    env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                    stdin=given,
                    stdout=output,
                )
            except OSError as error:
                os.close(self._pipe)
                raise Lost(f"no process for it: {error}") from None
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._buffer = bytearray()
        self._begun = False

    def message(self) -> list[bytes]:
        """The next message's lines; raises Lost where none comes, in at most ten seconds, or a minute for the first."""
        end = time.monotonic() + (_SILENT if self._begun else _BEGINS)
        looked = 0
        while not self._buffer.startswith(b"\n") and (cut := self._buffer.find(b"\n\n", looked)) < 0:
            looked = max(0, len(self._buffer) - 1)
            if not self._poll.poll(max(0.0, end - time.monotonic()) * 1000):
                if not self._begun:
                    raise Lost(f"it did not begin within {_BEGINS:.0f} s; is there enough CPU?")
                raise Lost(f"no answer for {_SILENT:.0f} s; does the storage under the files hang?")
            chunk = os.read(self._pipe, 2**20)
            if not chunk:
                raise Lost(self._ending())
            self._buffer += chunk
            self._begun = True
            if len(self._buffer) > _LONGEST:
                raise Lost("an answer without an end")
        if self._buffer.startswith(b"\n"):
            del self._buffer[:1]
            return []
        lines = bytes(self._buffer[:cut]).split(b"\n")
        del self._buffer[: cut + 2]
        return lines

    def kill(self) -> None:
        """Ends the process, as far as the kernel lets it; see `gone`."""
        self._process.kill()

    def gone(self, timeout: float) -> bool:
        """Whether the process has ended, after at most `timeout` seconds; one that waits for a dead server does not."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        os.close(self._pipe)
        return True

    def _ending(self) -> str:
        try:
            code = self._process.wait(_SILENT)
        except subprocess.TimeoutExpired:
            return "it fell silent"
        if code == -signal.SIGXCPU:
            return "they take too long to read; make them smaller"
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
