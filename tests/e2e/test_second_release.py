"""A second release in the cluster, called by a number, under names of its own, with what a site adds.

It has a namespace, a share and a database of its own; the first one goes on beside it.
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci.cluster.layout import Layout
from tests.authority import Authority

from .cluster import CHART, COURSES, ROOT, Installation, until

pytestmark = pytest.mark.alone

RELEASE = NAMESPACE = "2026"
PREFIX = "second"
DATABASE = f"{PREFIX}-hub-db-dir"
FOLDER = Layout.from_environment().state / "second"
SERVICES = ("coursehub-culler", "coursehub-spawn-test")
MODULE = """
from dataclasses import replace


def adjust(plan):
    return replace(plan, environment={**plan.environment, "SECOND_RELEASE": "here"})
"""
SMALL = {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"cpu": "500m", "memory": "384Mi"}}
CORE = {"resources": SMALL, "extraPodSpec": {"priorityClassName": f"{PREFIX}-core"}}
VALUES = {
    "acknowledgeOneOrigin": True,
    "siteModule": "university",
    "storage": {"hostPath": str(FOLDER / "share"), "check": {"schedule": None}},
    "jupyterhub": {
        "fullnameOverride": PREFIX,
        "nameOverride": "lab",
        "hub": {**CORE, "existingSecret": "site", "config": {"JupyterHub": {"subdomain_host": ""}}},
        "proxy": {"chp": CORE, "service": {"type": "ClusterIP", "nodePorts": {"http": None}}},
    },
}


def helm(installation: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["helm", *words, "--namespace", NAMESPACE]
    return subprocess.run(command, cwd=ROOT, env=installation.environment, capture_output=True, text=True, check=False)


def beforehand(authority: Path) -> dict[str, object]:
    """What is there before the release: namespace, database, and all that a site adds by a fixed name."""
    enforced = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": NAMESPACE, "name": DATABASE},
        "hostPath": {"path": str(FOLDER / "hub"), "type": "Directory"},
    }
    tokens = {f"hub.services.{name}.apiToken": secrets.token_hex(32) for name in SERVICES}
    here = {"namespace": NAMESPACE}
    objects = [
        {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": enforced}},
        {"kind": "PersistentVolume", "metadata": {"name": f"{NAMESPACE}-{DATABASE}"}, "spec": volume},
        {"kind": "Secret", "metadata": {**here, "name": "site"}, "stringData": tokens},
        {"kind": "ConfigMap", "metadata": {**here, "name": "coursehub-module"}, "data": {"university.py": MODULE}},
        {
            "kind": "ConfigMap",
            "metadata": {**here, "name": "coursehub-authorities"},
            "data": {"uni.crt": authority.read_text()},
        },
    ]
    return {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **each} for each in objects]}


@pytest.fixture(scope="module")
def first(installation: Installation) -> frozenset[tuple[str, int]]:
    """The pods of the first release's hub and proxy, before there is a second."""
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    return installation.core()


@pytest.fixture(scope="module")
def second(
    installation: Installation, first: frozenset[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The second release, which is gone afterwards with all that it had."""
    folder = tmp_path_factory.mktemp("second")
    for name, owner in (("share", 0), ("hub", 1000)):
        (FOLDER / name).mkdir(parents=True)
        os.chown(FOLDER / name, owner, owner)
    (folder / "second.json").write_text(json.dumps(VALUES))
    made = Path(installation.kubeconfig).parent / "values.json"
    files = [f"--values={file}" for file in ("values/local.yaml", made, folder / "second.json")]
    objects = beforehand(Authority(folder).file)
    made_here = replace(installation, namespace=NAMESPACE)
    try:
        made_here.kubectl("apply", "--server-side", "--filename=-", text=json.dumps(objects))
        course_file = f"--set-file=courses.files.main={COURSES}"
        done = helm(installation, "install", RELEASE, str(CHART), *files, course_file, "--wait", "--timeout=5m")
        assert done.returncode == 0, f"{done.stderr}\n{made_here.kubectl('get', 'pods', check=False)}"
        yield made_here
    finally:
        helm(installation, "uninstall", RELEASE, "--wait", "--timeout=3m", "--ignore-not-found")
        installation.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=3m")
        volumes = [f"{NAMESPACE}-{DATABASE}", f"{NAMESPACE}-coursehub-storage"]
        installation.kubectl("delete", "persistentvolume", *volumes, "--ignore-not-found", "--timeout=1m")
        shutil.rmtree(FOLDER)


def test_its_parts_run_by_their_own_names_and_the_command_finds_them(second: Installation) -> None:
    done = second.command("status", "--json")
    lines = {line["what"]: line for line in json.loads(done.stdout)}
    parts = {"second-hub", "second-proxy", "coursehub-culler", "coursehub-provisioner", "versions", "courses"}
    assert parts <= set(lines)
    assert [line for line in lines.values() if line["todo"] and line["what"] not in ("versions", "spawn test")] == []


def test_a_server_starts_and_is_what_its_plan_says_and_its_network_is_held(second: Installation) -> None:
    """By the spawn test, whose token is in hub.existingSecret, and by the network test."""
    done = helm(second, "test", RELEASE, "--logs", "--timeout=10m")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": well, after " in done.stdout
    assert "Network policies are enforced here." in done.stdout


def test_its_culler_is_known_to_the_hub_by_the_sites_own_token(second: Installation) -> None:
    def looked() -> bool:
        lines = second.kubectl("logs", "deployment/second-hub", "--container=hub").splitlines()
        return any("] 200 GET /hub/api/users" in line and "(coursehub-culler@" in line for line in lines)

    until(looked, 60, "the culler's look at all servers")
    log = second.kubectl("logs", "deployment/coursehub-culler")
    assert "HTTP 403" not in log


def test_what_the_site_adds_is_in_the_hub(second: Installation) -> None:
    said = second.command("explain", "--user", "spawntest", "--course", "python-intro", "--role", "student", "--json")
    assert "SECOND_RELEASE" in said.stdout, said.stderr
    into = ("exec", "deployment/second-hub", "--container=hub", "--", "sh", "-c")
    assert "BEGIN CERTIFICATE" in second.kubectl(*into, "cat /dev/shm/coursehub-*/secrets/authorities.crt")


def test_its_hub_and_proxy_can_be_restarted_by_the_command(second: Installation) -> None:
    for part in ("proxy", "hub", "provisioner"):
        done = second.command("restart", part)
        assert done.returncode == 0, done.stderr


def test_the_first_release_has_noticed_nothing(
    installation: Installation, first: frozenset[tuple[str, int]], second: Installation
) -> None:
    assert installation.core() == first
    assert installation.hub_is_ready()
