"""An admin's commands, and what people with a running server notice of them."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from coursehub import layout

from .cluster import PROGRAM, Installation, until
from .person import Person, arrive, execute

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
# The hub's log says it of a look a second; JupyterHub's own look, each five minutes, says nothing of the kind.
ROUTES_BACK = "The proxy had no routes; now it has them."


@pytest.fixture(autouse=True)
def nobody_leaves() -> None:
    """A server that ends meanwhile is not one that ran on."""
    arrive()


def state(installation: Installation) -> tuple[int, str]:
    """Exit code and text of `coursehub status`."""
    done = installation.command("status")
    return done.returncode, done.stdout


def uid_of_pod(installation: Installation, person: str) -> str:
    pod = installation.pod_of(person)
    assert pod is not None
    return str(pod["metadata"]["uid"])


def found_by_the_spawn_test(sofia: Person) -> dict[str, float]:
    return {name: value for name, value in sofia.metrics().items() if name.startswith("coursehub_spawn_test_")}


def test_a_kernel_counts_on_over_a_restart_of_the_hub_and_the_spawn_tests_results_outlast_it(
    log_in: LogIn, installation: Installation
) -> None:
    maria, sofia = log_in("maria"), log_in("sofia")
    found = found_by_the_spawn_test(sofia)
    assert found
    maria.start("python-intro")
    pod, hub = uid_of_pod(installation, "maria"), installation.hub()
    with maria.kernel().channel() as socket:
        heard = execute(socket, COUNT)
        text = next(heard)
        began = time.monotonic()
        done = installation.command("restart", "hub")
        took = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr
        (installation.share / layout.home(20001, "maria") / "enough").touch()
        text += "".join(heard)
    numbers = [int(word) for word in text.split()]
    assert numbers == list(range(len(numbers))), "numbers are missing"
    assert len(numbers) > took, "it did not count while the hub was away"
    assert re.search(r"hub: done in \d+ s; (\d+) of \1 servers ran on", done.stdout), done.stdout
    assert installation.hub() != hub, "the hub was not restarted"
    assert uid_of_pod(installation, "maria") == pod, "the server was replaced"
    after = found_by_the_spawn_test(sofia)
    assert {name: after[name] for name in found} == found
    again = Person(installation.url, "maria", installation.password)
    until(again.has_server, 60, "the new hub knows the server")
    again.stop()
    until(lambda: installation.pod_of("maria") is None, 60, "the stopped server's pod gone")


def test_after_a_restart_of_the_proxy_servers_are_reached_as_soon_as_it_answers(
    log_in: LogIn, installation: Installation
) -> None:
    maria = log_in("maria")
    maria.start("python-intro")
    pod, kernel = uid_of_pod(installation, "maria"), maria.kernel()
    assert kernel.run("kept = 41") == ""
    before, said_before = _proxies(installation), _routes_back(installation)
    words = [str(PROGRAM), "restart", "proxy", "--namespace", installation.namespace]
    with subprocess.Popen(words, env=installation.environment, stdout=subprocess.PIPE, text=True) as command:
        until(lambda: _proxies(installation).isdisjoint(before), 120, "the old proxy gone", every=0.2)
        until(lambda: _answers(installation), 120, "the new proxy answering", every=0.05)
        until(maria.reaches_server, 60, "the way to the server", every=0.1)
        said, _ = command.communicate(timeout=300)
    assert command.returncode == 0, said
    assert _routes_back(installation) == said_before + 1, "the routes came by JupyterHub's own look"
    assert "proxy: each running server has its route" in said
    assert re.search(r"proxy: done in \d+ s; (\d+) of \1 servers ran on", said), said
    assert uid_of_pod(installation, "maria") == pod, "the server was replaced"
    assert until(lambda: kernel.printed("print(kept + 1)"), 60, "the kernel's websocket") == "42\n"


def _proxies(installation: Installation) -> set[str]:
    return {pod["metadata"]["uid"] for pod in installation.pods("component=proxy")}


def _routes_back(installation: Installation) -> int:
    return installation.kubectl("logs", "deployment/hub").count(ROUTES_BACK)


def _answers(installation: Installation) -> bool:
    try:
        return httpx.get(f"{installation.url}/_chp_healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_status_says_of_each_part_that_it_is_well(log_in: LogIn, installation: Installation) -> None:
    log_in("jonas").start("general")
    until(lambda: state(installation)[0] == 0, 120, "all well", every=2)
    _, said = state(installation)
    found = dict(re.findall(r"^  (\S+(?: \S+)?)  +(.*)$", said, re.MULTILINE))
    assert {"hub", "proxy", "coursehub-provisioner", "versions", "courses", "share", "directories"} <= set(found)
    assert found["hub"].startswith("ready, for ")
    assert found["certificate"] == "no TLS here"
    assert re.search(r"coursehub-\S+, jupyterhub-\S+; JupyterHub 5.5.4, KubeSpawner 7.0.0", found["versions"])
    assert int(found["servers"].split()[0]) >= 1


def _troubles(installation: Installation, words: str) -> str:
    code, said = state(installation)
    return said if code == 1 and words in said else ""


def test_a_broken_course_file_leaves_the_last_good_one_and_status_names_the_mistake(
    log_in: LogIn, installation: Installation, tmp_path: Path
) -> None:
    """Y23"""
    emma = log_in("emma")
    before = emma.choices()
    broken = tmp_path / "courses.yaml"
    broken.write_text("courses:\n\n\n  python-intro: [\n")
    with installation.upgraded(broken):
        said = until(lambda: _troubles(installation, "not valid YAML"), 120, "the mistake", every=2)
        assert re.search(r"^! courses .*main.yaml:5:1: not valid YAML", said, re.MULTILINE), said
        assert "-> correct the file; `coursehub course list` says all" in said
        assert "main.yaml:5:1: not valid YAML" in installation.kubectl("logs", "deployment/hub", "--since=3m")
        assert emma.choices() == before


def test_status_ends_with_1_where_a_part_does_not_run_and_0_when_it_does_again(installation: Installation) -> None:
    there = f"--namespace={installation.namespace}-storage"
    scale = ("scale", "deployment/coursehub-provisioner")
    until(lambda: state(installation)[0] == 0, 120, "all well before", every=2)
    try:
        installation.kubectl(there, *scale, "--replicas=0")
        until(lambda: "! directories" in state(installation)[1], 120, "no answer from the provisioner", every=2)
        code, said = state(installation)
        assert code == 1
        assert re.search(r"^! coursehub-provisioner  ", said, re.MULTILINE), said
        assert f"kubectl {there.replace('=', ' ')} scale deployment/coursehub-provisioner --replicas 1" in said
    finally:
        installation.kubectl(there, *scale, "--replicas=1")
    until(lambda: state(installation)[0] == 0, 120, "all well again", every=2)


@pytest.mark.parametrize("part", ["hub", "proxy"])
def test_hub_and_proxy_are_guaranteed_and_go_before_servers(installation: Installation, part: str) -> None:
    (pod,) = installation.pods(f"component={part}")
    assert pod["status"]["qosClass"] == "Guaranteed"
    assert pod["spec"]["priority"] > 0
