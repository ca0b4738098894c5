"""ConfigMaps with course files: followed through the API server, the chart's own and those that others make."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from .cluster import COURSES, Installation, until
from .course_files import live
from .person import Person

LogIn = Callable[[str], Person]
NAME = "mathematics"
# Seconds from the API server's answer, as docs/admins/course-files.md says.
SOON = 2
FILE = """\
courses:
  algebra:
    name: {name}
    students: [olga]
"""


def apply(installation: Installation, text: str) -> None:
    """What docs/admins/course-files.md tells a teacher to do with a file of theirs."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {f"{NAME}.yaml": text}}
    installation.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(made))


def went_live(installation: Installation, version: str, since: float) -> list[float]:
    """When the hub's log says that this version is live, each time after `since`; the clock is this machine's."""
    lines = installation.kubectl("logs", "deployment/hub", "--container=hub", "--timestamps").splitlines()
    moments = [line.split()[0] for line in lines if f"course algebra: version {version} live" in line]
    times = [datetime.fromisoformat(each).timestamp() for each in moments]
    return [each for each in times if each > since]


def problems(installation: Installation) -> list[str]:
    """What `coursehub course list` finds wrong."""
    found: list[str] = json.loads(installation.coursehub("course", "list", "--json"))["problems"]
    return found


@pytest.fixture(scope="module")
def named(installation: Installation) -> Iterator[None]:
    """The values name a ConfigMap of the site's that is not there yet."""
    before = installation.hub()
    with installation.upgraded(COURSES, "--set-json", f'courses.existingConfigMaps=["{NAME}"]'):
        assert installation.hub() == before, "the hub was restarted"
        yield
    installation.kubectl("delete", "configmap", NAME, "--ignore-not-found")


@pytest.mark.usefixtures("named")
def test_one_that_is_not_there_is_named_until_it_is_made_and_then_its_courses_are_live(
    log_in: LogIn, installation: Installation
) -> None:
    installation.kubectl("delete", "configmap", NAME, "--ignore-not-found")
    said = f"ConfigMap {NAME}:1:1: is not in namespace {installation.namespace}; make it, or take it out of"
    until(lambda: any(said in each for each in problems(installation)), 20, "the missing ConfigMap named")
    olga = log_in("olga")
    assert "python-intro" in olga.choices()
    apply(installation, FILE.format(name="Algebra"))
    until(lambda: "algebra" in olga.choices(), SOON, "the course on the page", every=0.1)
    until(lambda: not problems(installation), 20, "nothing wrong any more")
    assert live(installation)["algebra"]["file"] == f"{NAME}.yaml"


@pytest.mark.usefixtures("named")
def test_a_changed_one_counts_within_two_seconds(installation: Installation) -> None:
    apply(installation, FILE.format(name="Algebra"))
    version = until(lambda: live(installation).get("algebra", {}).get("version"), 20, "the course live")
    begun = time.time()
    apply(installation, FILE.format(name="Linear Algebra"))
    answered = time.time()
    until(lambda: live(installation)["algebra"]["version"] != version, 20, "the change live")
    changed = live(installation)["algebra"]["version"]
    moment, *_ = until(lambda: went_live(installation, changed, begun), 20, "the change in the hub's log")
    assert moment - answered < SOON


@pytest.mark.alone
@pytest.mark.usefixtures("named")
def test_of_a_deleted_one_the_courses_stay_also_over_a_restart_of_the_hub(
    log_in: LogIn, installation: Installation
) -> None:
    apply(installation, FILE.format(name="Algebra"))
    until(lambda: not live(installation).get("algebra", {"kept": True})["kept"], 20, "the course live")
    version = live(installation)["algebra"]["version"]
    installation.kubectl("delete", "configmap", NAME)
    until(lambda: live(installation)["algebra"]["kept"], 20, "the loss noticed")
    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub", "--wait=false")
    until(lambda: installation.hub_is_ready_after(before), 90, "a new hub")
    row = live(installation)["algebra"]
    assert (row["version"], row["kept"]) == (version, True)
    assert f"ConfigMap {NAME}:1:1: is not in namespace" in row["problem"]
    assert "algebra" in log_in("olga").choices()


@pytest.mark.usefixtures("named")
def test_a_file_name_that_two_have_is_told_and_changes_nothing(installation: Installation) -> None:
    before = live(installation)["python-intro"]["version"]
    text = FILE.format(name="Algebra")
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {"main.yaml": text}}
    installation.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=json.dumps(made))
    said = f"main.yaml:1:1: is in ConfigMap coursehub-courses and in ConfigMap {NAME}; give one of them another name"
    until(lambda: said in problems(installation), 20, "the collision told")
    row = live(installation)["python-intro"]
    assert (row["version"], row["kept"]) == (before, True)
    installation.kubectl("delete", "configmap", NAME)


def test_the_whole_chart_is_applied_by_kubectl_alone(installation: Installation, tmp_path: Path) -> None:
    """As Argo CD does of its own accord, which keeps each object in an annotation; nothing is changed here.

    The namespace is the context's: what has one of its own keeps it.
    """
    path, config = tmp_path / "all.yaml", tmp_path / "kubeconfig"
    path.write_text(installation.rendered())
    shutil.copy(installation.kubeconfig, config)
    environment = installation.environment | {"KUBECONFIG": str(config)}
    here = ["kubectl", "config", "set-context", "--current", f"--namespace={installation.namespace}"]
    subprocess.run(here, env=environment, capture_output=True, check=True)
    command = ["kubectl", "apply", "--dry-run=server", "-f", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("deployment.apps/hub ") for line in lines)
    assert all(line.endswith("(server dry run)") for line in lines), done.stdout
