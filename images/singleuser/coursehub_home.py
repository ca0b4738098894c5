"""One server a home: a file in it is locked for as long as the server runs.

When a machine does not answer, Kubernetes gives up what ran there, and the hub starts another server for its person.
But the machine may run on and only be cut off. Whoever keeps the homes knows: while the first server reaches them, its
lock holds, and when its machine is dead, the file server takes the lock away by itself (NFS 4 after its lease, which is
90 seconds as a rule).
"""

import fcntl
import os
import sys
import time
from pathlib import Path

LOCK = ".coursehub-lock"
# Seconds in which a server that is being ended lets go: Kubernetes gives it thirty.
PATIENCE = 35.0
TAKEN = (
    "Another server of yours has your home in use, maybe on a machine that does not answer. "
    "Please try again in some minutes, or tell the administrators."
)
WAITS = "The home {} is in use by another server; this one waits up to {:.0f} s for its end"
UNLOCKED = "The home {} is not locked against a second server: {}"
_held: set[Path] = set()


def take(home: Path, patience: float = PATIENCE) -> None:
    """The home is this process's until it ends; SystemExit with a sentence for its person while another one has it.

    A home in which the file cannot be made, or where nothing can be locked, goes without, and its server's log says so.
    """
    if home in _held:
        return
    try:
        lock = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        print(UNLOCKED.format(home, error.strerror), file=sys.stderr)
        return
    end = time.monotonic() + patience
    waits = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise SystemExit(TAKEN) from None
            if not waits:
                print(WAITS.format(home, patience), file=sys.stderr, flush=True)
            waits = True
            time.sleep(0.5)
        except OSError as error:
            print(UNLOCKED.format(home, error.strerror), file=sys.stderr)
            os.close(lock)
            return
        else:
            _held.add(home)
            return
