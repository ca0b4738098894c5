"""A class that starts in one moment, and in the middle of it something of the hub's goes: everybody gets their server.

Who waits for their turn looks at the page of their start, which loads again by itself where the hub is away. Whoever
works meanwhile goes on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from ci.cluster import nodes, processes
from ci.cluster.layout import Layout
from tests.e2e.cluster import Installation, until
from tests.e2e.person import Person

CLASS = ("maria", "jonas", "lena", "nils", "olga", "paul", "ines", "tom")
# Seconds: JupyterHub waits so long for a proxy that is away, and a new hub for its pod.
SERVED = 300
# Seconds without an API server, and without a provisioner.
AWAY, HUNG = 20, 30
SILENT = "Spawn failed: The service that looks after directories does not answer. Please try again in a few minutes."
COUNTING = """
import pathlib, threading, time
def count():
    number = 0
    while True:
        number += 1
        pathlib.Path.home().joinpath("count").write_text(str(number))
        time.sleep(1)
threading.Thread(target=count, daemon=True).start()
"""


def hub_is_killed(installation: Installation) -> None:
    """Without a moment for its last words."""
    installation.kubectl("delete", "pod", "--selector", "component=hub", "--grace-period=0", "--force")


def proxy_is_killed(installation: Installation) -> None:
    """As the hub."""
    installation.kubectl("delete", "pod", "--selector", "component=proxy", "--grace-period=0", "--force")


def api_server_does_not_answer(_installation: Installation) -> None:
    """For a while."""
    first, *_ = nodes.present(Layout.from_environment())
    record = processes.record(first, "kube-apiserver")
    assert record is not None
    hang(record.pid, AWAY)


def provisioner_hangs(_installation: Installation) -> None:
    """As it does where the file server does not answer it; kubelet may take it for dead."""
    (serving,) = (
        int(file.parent.name)
        for file in Path("/proc").glob("[0-9]*/cmdline")
        if {b"storage", b"serve", b"--root=/share"} <= set(command_line(file))
    )
    hang(serving, HUNG)


def command_line(file: Path) -> list[bytes]:
    """Of a process that may have ended meanwhile."""
    try:
        return file.read_bytes().split(b"\0")
    except OSError:
        return []


def hang(process: int, seconds: float) -> None:
    """It does nothing meanwhile."""
    os.kill(process, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


@pytest.fixture
def installation() -> Iterator[Installation]:
    """With nobody's server."""
    found = Installation.here()
    until(found.hub_is_ready, 120, "the hub behind the proxy")
    yield found
    until(found.hub_is_ready, 300, "the hub behind the proxy")
    for name in ("emma", *CLASS):
        Person(found.url, name, found.password).stop()


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        pytest.param(hub_is_killed, set(), id="hub_is_killed"),
        pytest.param(proxy_is_killed, set(), id="proxy_is_killed"),
        pytest.param(api_server_does_not_answer, set(), id="api_server_does_not_answer"),
        pytest.param(provisioner_hangs, {SILENT}, id="provisioner_hangs"),
    ],
)
def test_in_the_middle_of_a_class_that_starts_everybody_is_served_or_told_and_who_works_goes_on(
    installation: Installation, happens: Callable[[Installation], None], told: set[str]
) -> None:
    emma, sofia, *people = (Person(installation.url, name, installation.password) for name in ("emma", "sofia", *CLASS))
    emma.start("general")
    kernel = emma.kernel()
    kernel.run(COUNTING)
    process = kernel.run("import os; print(os.getpid())")
    with ThreadPoolExecutor(len(people)) as pages:
        list(pages.map(lambda person: person.token, people))
        list(pages.map(lambda person: person.choose("general"), people))
        outcomes = pages.map(outcome, people)
        until(lambda: waiting(sofia) >= 2, 30, "somebody waits for their turn", every=0.1)
        happens(installation)
        came_to = {person.name: each for person, each in zip(people, outcomes, strict=True)}
        assert set(came_to.values()) <= {"ready", *told}, came_to
        for person in people:
            if came_to[person.name] != "ready":
                until(partial(starts, person), 120, f"a server for {person.name} who tries again", every=5)
    until(lambda: kernel.printed("print(os.getpid())") == process, 120, "the way to the kernel that runs", every=2)
    before = int(kernel.run("print(pathlib.Path.home().joinpath('count').read_text())"))
    until(lambda: int(kernel.run("print(pathlib.Path.home().joinpath('count').read_text())")) > before, 30, "it counts")


def starts(person: Person) -> bool:
    """Whether another try ends well."""
    person.choose("general")
    return bool(person.progress().get("ready"))


def waiting(admin: Person) -> float:
    """How many wait for their turn."""
    return admin.metrics()["coursehub_start_queue_waiting"]


def outcome(person: Person) -> str:
    """What the page of their start comes to: "ready", or the sentence on it."""
    end = time.monotonic() + SERVED
    last: object = None
    while time.monotonic() < end:
        try:
            last = person.progress()
            if person.has_server():
                return "ready"
            if last.get("failed"):
                return str(last["message"])
        except (httpx.TransportError, AssertionError) as away:
            last = away
        time.sleep(1)
    return f"nothing in {SERVED} seconds; last: {last!r}"
