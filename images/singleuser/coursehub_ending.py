"""How a process that was told to end does it: where it waits, and not in the middle of what it writes."""

import signal

SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def wait(seconds: float) -> None:
    """Sleeps; KeyboardInterrupt where this process is told to end, also where it keeps SIGNALS from itself."""
    if signal.sigtimedwait(SIGNALS, seconds) is not None:
        raise KeyboardInterrupt
