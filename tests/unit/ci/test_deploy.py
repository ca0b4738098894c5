"""The installation: what is decided before any cluster is asked."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci import deploy
from ci.cluster.problem import Problem
from ci.deploy import ROOT, Deployment
from ci.images.image import IMAGES

REFERENCES = {name: image.ref for name, image in IMAGES.items()}


@pytest.fixture
def state() -> Iterator[Path]:
    """A short path, for the cluster refuses one that is too long for its sockets."""
    with tempfile.TemporaryDirectory(prefix="ch-") as folder:
        yield Path(folder)


def here(state: Path, **more: str) -> Deployment:
    return Deployment({"COURSEHUB_STATE": str(state), "PATH": "/usr/bin", **more})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        pytest.param({"CLUSTER": "curent"}, "CLUSTER=curent: leave it out for the local cluster", id="CLUSTER"),
        pytest.param({"VALUES": "values/none.yaml"}, "values/none.yaml: no such file", id="VALUES"),
        pytest.param({"COURSES": "none.yaml"}, "none.yaml: no such file", id="COURSES"),
    ],
)
def test_a_wrong_word_is_refused_with_what_to_write(environment: dict[str, str], said: str, state: Path) -> None:
    with pytest.raises(Problem, match=said):
        here(state, **environment)


def test_a_second_installation_keeps_the_password_and_the_hubs_secrets(state: Path) -> None:
    first, second = (deploy._made_values(here(state), REFERENCES) for _ in range(2))
    assert first == second
    config = first["jupyterhub"]["hub"]["config"]
    assert len(config["DummyAuthenticator"]["password"]) >= 16
    assert len({json.dumps(section) for section in config.values()}) == len(config)


def test_the_images_as_they_were_built_go_to_every_place_that_names_one(state: Path) -> None:
    made = deploy._made_values(here(state), REFERENCES)
    assert made["images"] == {"python": REFERENCES["singleuser"]}
    hub = made["jupyterhub"]["hub"]["image"]
    assert f"{hub['name']}:{hub['tag']}" == REFERENCES["hub"]


def test_a_cluster_of_an_older_chart_keeps_its_secrets_and_gets_those_of_new_services(state: Path) -> None:
    first = deploy._made_values(here(state), REFERENCES)["jupyterhub"]["hub"]
    path = state / "secrets.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if "-" not in key}))
    second = deploy._made_values(here(state), REFERENCES)["jupyterhub"]["hub"]
    assert second["config"] == first["config"]
    assert set(second["services"]) == {"coursehub-culler", "coursehub-metrics", "coursehub-spawn-test"}
    assert all(len(service["apiToken"]) == 64 for service in second["services"].values())


def test_secrets_are_for_root_alone(state: Path) -> None:
    deploy._made_values(here(state), REFERENCES)
    assert stat.S_IMODE((state / "secrets.json").stat().st_mode) == 0o600


def test_the_namespace_enforces_the_restricted_level() -> None:
    labels = deploy._namespace()["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_without_an_installation_info_says_what_to_run(state: Path) -> None:
    with pytest.raises(Problem, match="make up"):
        deploy.info(here(state))


@pytest.mark.parametrize(("second", "count"), [(False, 1), (True, 2)], ids=["one node", "two nodes"])
def test_the_last_lines_say_how_many_nodes_there_are_and_what_kubectl_needs(
    state: Path, second: bool, count: int
) -> None:
    if second:
        (state / "node-2").mkdir()
    facts = {"url": "http://127.0.0.1:8000", "people": ["anna"], "password": "x", "kubeconfig": f"{state}/kubeconfig"}
    hub, _, kubectl = deploy.opened(here(state), facts, 35.2, "stand-in")
    assert hub == f"The hub is open: http://127.0.0.1:8000   (35 s, z2jh: stand-in, nodes: {count})"
    assert kubectl == (
        f"kubectl: export KUBECONFIG={state}/kubeconfig PATH={state}/bin:$PATH; the namespace is coursehub"
    )


def test_a_broken_course_file_ends_make_up_before_anything_is_made(state: Path) -> None:
    broken = ROOT / "docs/examples/errors/misspelt-key.yaml"
    environment = os.environ | {"COURSEHUB_STATE": str(state / "made"), "COURSES": str(broken)}
    environment.pop("CLUSTER", None)
    command = [sys.executable, "-m", "ci.deploy", "up"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{broken}:4:5: course 'python-intro': unknown key 'studnts'; did you mean 'students'?" in done.stderr
    assert list(state.iterdir()) == []


def test_a_broken_course_file_is_not_installed_into_a_cluster_of_ones_own_either(state: Path) -> None:
    """CLUSTER=current: nothing but the name of the context is asked of the cluster."""
    asked = state / "asked"
    for program in ("kubectl", "helm"):
        (state / program).write_text(f'#!/bin/sh\necho "{program} $*" >> {asked}\necho here\n')
        (state / program).chmod(0o755)
    environment = os.environ | {
        "CLUSTER": "current",
        "COURSES": "docs/examples/errors/misspelt-key.yaml",
        "COURSEHUB_STATE": str(state / "made"),
        "PATH": f"{state}:{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "ci.deploy", "up"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "did you mean 'students'?" in done.stderr
    assert asked.read_text() == "kubectl config current-context\n"
