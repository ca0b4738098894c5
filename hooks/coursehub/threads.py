"""Calls that may hang, in threads that nobody waits for when the process ends, as it would for those of a pool."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def in_thread(work: Callable[[], Result], name: str) -> Future[Result]:
    """What `work` returns or raises."""
    call: Future[Result] = Future()

    def run() -> None:
        call.set_running_or_notify_cancel()
        try:
            call.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            call.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return call
