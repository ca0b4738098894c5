"""What a running server notices of restarts and upgrades: nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

from .cluster import COURSES, Installation, until
from .person import Person, execute

LogIn = Callable[[str], Person]
NUMBERS = 90


def test_a_kernel_counts_on_while_the_hub_is_replaced(log_in: LogIn, installation: Installation) -> None:
    maria = log_in("maria")
    maria.start("python-intro")
    pod = installation.pod_of("maria")
    assert pod is not None
    before = installation.hub()
    kernel = maria.kernel()
    with kernel.channel() as socket:
        heard = execute(socket, f"import time\nfor n in range({NUMBERS}):\n    print(n, flush=True); time.sleep(0.5)")
        text = next(heard)
        installation.kubectl("delete", "pod", "--selector", "component=hub", "--wait=false")
        text += "".join(heard)
    assert [int(word) for word in text.split()] == list(range(NUMBERS)), "numbers are missing"

    until(lambda: installation.hub_is_ready_after(before), 60, "a new hub")
    now = installation.pod_of("maria")
    assert now is not None
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    again = Person(installation.url, "maria", installation.password)
    until(again.has_server, 60, "the new hub knows the server")
    again.stop()
    until(lambda: installation.pod_of("maria") is None, 60, "the stopped server's pod gone")


def test_a_new_course_appears_without_a_restart(log_in: LogIn, installation: Installation, tmp_path: Path) -> None:
    emma = log_in("emma")
    before = installation.hub()
    assert "history" not in emma.choices()
    longer = tmp_path / "courses.yaml"
    shutil.copy(COURSES, longer)
    with longer.open("a") as file:
        file.write("\n  history:\n    name: History of Computing\n    students: everyone\n")
    try:
        installation.helm(longer)
        until(lambda: "history" in emma.choices(), 10, "the new course on the page", every=0.2)
        assert installation.hub() == before, "the hub was restarted"
    finally:
        installation.helm(COURSES)
    until(lambda: "history" not in emma.choices(), 10, "the course gone again", every=0.2)


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
