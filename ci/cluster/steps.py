"""Progress for people: what is being done, and how long it took."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HEARTBEAT = 20.0
PR_SET_PDEATHSIG = 1


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Name a step when it begins, and its time when it is done."""
    say(f"- {what}")
    begin = time.monotonic()
    yield
    say(f"  {time.monotonic() - begin:.1f} s")


def long_run(
    command: Sequence[str],
    log: Path,
    progress: Callable[[str], str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    every: float = HEARTBEAT,
) -> int:
    """Run a command that takes minutes: its output goes to `log`, `every` so many seconds `progress` of it is said."""
    begin = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=env,
            preexec_fn=_end_with_parent,
        )
        try:
            while True:
                try:
                    return child.wait(every)
                except subprocess.TimeoutExpired:
                    seconds = int(time.monotonic() - begin)
                    said = progress(log.read_text(errors="replace"))
                    say(f"  {seconds // 60}:{seconds % 60:02} {said}")
        except BaseException:
            child.terminate()
            child.wait()
            raise


def _end_with_parent() -> None:
    """A build that nobody waits for any more would be in the way of the next one."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Look often until it is so, or the time is up."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def tail(text: str, lines: int = 15) -> str:
    """The last lines, indented, for an error message."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])
