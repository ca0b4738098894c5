"""`coursehub preflight` on a real cluster: what it finds, that nothing of it stays, and that its commands help."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from coursehub.cli.cluster import mount

from .cluster import PROGRAM, ROOT, Installation, until

pytestmark = pytest.mark.alone

Lines = dict[str, dict[str, str | None]]
ELSEWHERE = "coursehub-again"


def preflight(installation: Installation, *arguments: str, **environment: str) -> tuple[int, Lines]:
    """Exit code, and the lines by what they are about."""
    words = [str(PROGRAM), "preflight", "--json", "--namespace", installation.namespace, *arguments]
    done = subprocess.run(
        words, env={**installation.environment, **environment}, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, {line["what"]: line for line in json.loads(done.stdout)}


def local_values(installation: Installation) -> list[str]:
    """The files of `make up`, as options."""
    made = Path(installation.kubeconfig).parent / "values.json"
    site = os.environ.get("VALUES", "values/local.yaml")
    return [f"--site={ROOT / site}", f"--site={made}"]


def test_the_local_cluster_has_all_that_an_install_takes(installation: Installation) -> None:
    code, lines = preflight(installation, *local_values(installation))
    assert {what: line["todo"] for what, line in lines.items() if line["todo"]} == {}
    assert code == 0
    assert {"Kubernetes", "nodes", "namespace", "rights", "hub's database", "DNS", "network policies"} <= set(lines)
    assert "offers supplementalGroupsPolicy" in str(lines["nodes"]["said"])


@pytest.fixture
def stranger(installation: Installation, tmp_path: Path) -> Path:
    """A kubeconfig of an account that may do nothing."""
    config = yaml.safe_load(Path(installation.kubeconfig).read_text())
    token = installation.kubectl("create", "token", "default").strip()
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


def test_of_an_account_without_rights_it_says_what_it_cannot_see_and_what_to_do_without_each_right(
    installation: Installation, stranger: Path
) -> None:
    code, lines = preflight(installation, *local_values(installation), KUBECONFIG=str(stranger))
    assert code == 1
    for what in ("nodes", "namespace", "DNS"):
        assert "this account may not" in str(lines[what]["said"])
        assert lines[what]["todo"]
    assert "this account may not create, patch, delete" in str(lines["rights"]["said"])


def test_a_file_server_that_no_node_can_mount_is_said_and_nothing_of_the_trial_stays(
    installation: Installation, tmp_path: Path
) -> None:
    site = tmp_path / "site.yaml"
    # Nothing listens there.
    site.write_text("storage: {hostPath: null, nfs: {server: 127.0.0.1, path: /export, version: 4.2}}\n")
    hub = installation.pods("component=hub")[0]["spec"]["containers"][0]["image"]
    code, lines = preflight(
        installation, *local_values(installation), f"--site={site}", f"--image={hub}", "--timeout=120"
    )
    assert code == 1
    assert "did not mount 127.0.0.1:/export" in str(lines["NFS"]["said"])
    assert lines["NFS"]["todo"]
    kinds = "jobs,pods,persistentvolumeclaims,persistentvolumes"
    assert installation.kubectl("get", kinds, "--selector", mount.LABEL, "--output", "name").split() == []


@pytest.fixture
def again(installation: Installation, tmp_path: Path) -> Iterator[str]:
    """A namespace with the claim and the volume of a release, on a folder of the machine."""
    volume = f"{ELSEWHERE}-coursehub-storage"
    yield volume
    installation.kubectl("delete", "namespace", ELSEWHERE, "--ignore-not-found")
    installation.kubectl("delete", "persistentvolume", volume, "--ignore-not-found")


def put(installation: Installation, volume: str) -> None:
    """What the chart makes of the share, and its namespace."""
    claim = {"namespace": ELSEWHERE, "name": "coursehub-storage"}
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                **shared,
                "capacity": {"storage": "1Ti"},
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": claim,
                "hostPath": {"path": str(installation.share), "type": "Directory"},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": claim,
            "spec": {**shared, "volumeName": volume, "resources": {"requests": {"storage": "1Ti"}}},
        },
    ]
    for each in objects:
        where = f"--namespace={ELSEWHERE}"
        installation.kubectl(where, "apply", "--server-side", "--filename", "-", text=json.dumps(each))


def phase(installation: Installation, *what: str) -> str:
    return installation.kubectl("get", *what, "--output", "jsonpath={.status.phase}")


def test_after_a_deleted_namespace_the_command_that_it_names_gives_the_new_claim_the_old_volume(
    installation: Installation, again: str
) -> None:
    claim = ("persistentvolumeclaim", "coursehub-storage", "--namespace", ELSEWHERE)
    put(installation, again)
    until(lambda: phase(installation, *claim) == "Bound", 60, "the first claim is bound")
    installation.kubectl("delete", "namespace", ELSEWHERE)
    until(lambda: phase(installation, "persistentvolume", again) == "Released", 60, "the volume has lost its claim")
    put(installation, again)
    _, lines = preflight(installation, "--no-job", f"--namespace={ELSEWHERE}")
    todo = str(lines["volume"]["todo"])
    installation.kubectl(*shlex.split(todo.partition("; ")[2])[1:])
    until(lambda: phase(installation, *claim) == "Bound", 60, "the new claim is bound")
    _, lines = preflight(installation, "--no-job", f"--namespace={ELSEWHERE}")
    assert "volume" not in lines
