"""What a running server notices of restarts and upgrades: nothing."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from coursehub import layout

from .cluster import COURSES, Installation, until
from .person import Person, execute

pytestmark = pytest.mark.alone

LogIn = Callable[[str], Person]
# Counts on until it is told that it is enough.
COUNT = """
import itertools, pathlib, time
enough = pathlib.Path.home() / "enough"
enough.unlink(missing_ok=True)
for n in itertools.count():
    print(n, flush=True)
    if enough.exists():
        break
    time.sleep(0.5)
"""


def test_a_kernel_counts_on_while_the_hub_is_replaced(log_in: LogIn, installation: Installation) -> None:
    maria = log_in("maria")
    maria.start("python-intro")
    pod = installation.pod_of("maria")
    assert pod is not None
    before = installation.hub()
    kernel = maria.kernel()
    with kernel.channel() as socket:
        heard = execute(socket, COUNT)
        text = next(heard)
        began = time.monotonic()
        installation.kubectl("delete", "pod", "--selector", "component=hub", "--wait=false")
        until(lambda: installation.hub_is_ready_after(before), 60, "a new hub")
        took = time.monotonic() - began
        (installation.share / layout.home(20001, "maria") / "enough").touch()
        text += "".join(heard)
    numbers = [int(word) for word in text.split()]
    assert numbers == list(range(len(numbers))), "numbers are missing"
    assert len(numbers) > took, "it did not count while the hub was away"

    now = installation.pod_of("maria")
    assert now is not None
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    again = Person(installation.url, "maria", installation.password)
    until(again.has_server, 60, "the new hub knows the server")
    again.stop()
    until(lambda: installation.pod_of("maria") is None, 60, "the stopped server's pod gone")


def test_a_broken_course_file_leaves_the_last_good_one(
    log_in: LogIn, installation: Installation, tmp_path: Path
) -> None:
    """Y23"""
    emma = log_in("emma")
    before = emma.choices()
    broken = tmp_path / "courses.yaml"
    broken.write_text("courses:\n\n\n  python-intro: [\n")
    with installation.upgraded(broken):
        log = ("logs", "deployment/hub", "--since=3m")
        until(
            lambda: "main.yaml:5:1: not valid YAML" in installation.kubectl(*log),
            100,
            "the mistake in the log",
            every=2,
        )
        assert emma.choices() == before


def test_a_changed_configuration_restarts_the_hub_and_no_server(log_in: LogIn, installation: Installation) -> None:
    jonas = log_in("jonas")
    jonas.start("general")
    pod = installation.pod_of("jonas")
    assert pod is not None
    before = installation.hub()
    try:
        installation.helm(COURSES, "--set", "jupyterhub.hub.concurrentSpawnLimit=41")
        until(lambda: installation.hub_is_ready_after(before), 90, "a new hub")
        assert jonas.terminal("id -u") == "20002"
        now = installation.pod_of("jonas")
        assert now is not None
        assert now["metadata"]["uid"] == pod["metadata"]["uid"]
    finally:
        installation.helm(COURSES)
        until(installation.hub_is_ready, 90, "the hub as before")
