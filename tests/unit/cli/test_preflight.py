"""`coursehub preflight` over what the local cluster answered: to its admin, and to an account without rights."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import main

from tests.answering import Kubectl

HERE = Path(__file__).parent / "recorded"
SITE = """\
storage:
  hostPath: /var/lib/coursehub/share
  provisioner: {enabled: true}
  check: {schedule: 30 4 * * *}
monitoring: {spawnTest: {enabled: true}}
"""
NFS = """\
storage: {nfs: {server: nfs.example.edu, path: /export}}
jupyterhub: {hub: {image: {name: registry.example.edu/coursehub-hub}}}
"""
# What is asked, as words, and the file with the answer.
ANSWERS = {
    ("version",): "version.json",
    ("create",): "rights.txt",
    ("get", "nodes"): "nodes.json",
    ("get", "namespace", "coursehub"): "namespace.json",
    ("get", "namespaces"): "namespaces.json",
    ("get", "storageclasses"): "storageclasses.json",
    ("get", "persistentvolumes"): "persistentvolumes.json",
    ("get", "daemonsets", "--all-namespaces"): "daemonsets.json",
    ("get", "services", "--all-namespaces"): "services.json",
    ("get", "endpointslices", "--all-namespaces"): "endpointslices.json",
}
FORBIDDEN = (
    'Error from server (Forbidden): {0} is forbidden: User "system:serviceaccount:coursehub:default" cannot list '
    'resource "{0}" in API group "" at the cluster scope'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    return file


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    return Kubectl.installed(tmp_path, monkeypatch)


def admin(kubectl: Kubectl, **others: Any) -> None:
    """Answers as they were recorded, but for those of `others`, by the kind."""
    for words, file in ANSWERS.items():
        kubectl.says(words, others.get(words[-1] if len(words) < 3 else words[1], (HERE / file).read_text()))


def test_on_a_cluster_that_has_it_all_each_line_is_well(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin(kubectl)
    assert main.main(["preflight", "--site", str(site)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.split(r"  +", line.strip())[0] for line in lines] == [
        "Kubernetes",
        "nodes",
        "namespace",
        "rights",
        "hub's database",
        "DNS",
        "network policies",
    ]
    assert lines[1].endswith("1 with containerd 2.4.2+unknown, and each offers supplementalGroupsPolicy")
    assert lines[5].endswith("kube-system/kube-dns: network.dns opens it")
    assert not [call for call in kubectl.asked if "apply" in call or "delete" in call]


def test_an_account_without_rights_reads_for_each_thing_what_to_do(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["version"], (HERE / "version.json").read_text())
    kubectl.says(["create"], (HERE / "no-rights.txt").read_text())
    kubectl.refuses(["get"], FORBIDDEN.format("nodes"))
    assert main.main(["preflight", "--json", "--site", str(site)]) == 1
    lines = json.loads(capsys.readouterr().out)
    wrong = [line["what"] for line in lines if line["todo"]]
    assert wrong == ["nodes", "namespace", "rights", "rights", "rights", "rights", "rights", "hub's database", "DNS"]
    assert all(line["said"].startswith("this account may not") for line in lines if line["todo"])


def test_a_node_with_an_old_runtime_is_found_among_others(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads((HERE / "nodes.json").read_text())
    old = json.loads(json.dumps(found["items"][0]))
    old["metadata"]["name"] = "node-2"
    old["status"]["nodeInfo"]["containerRuntimeVersion"] = "containerd://1.7.27"
    del old["status"]["features"]
    found["items"].append(old)
    admin(kubectl, nodes=found)
    assert main.main(["preflight", "--site", str(site)]) == 1
    output = capsys.readouterr().out
    assert "! nodes" in output
    assert "no supplementalGroupsPolicy on node-2 (containerd 1.7.27)" in output


def test_with_no_job_nothing_is_made_and_that_is_said(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin(kubectl)
    site.write_text(NFS)
    assert main.main(["preflight", "--no-job", "--site", str(site)]) == 0
    assert "NFS               not tried, as --no-job says" in capsys.readouterr().out
    assert [call[2] for call in kubectl.asked if call[2] not in ("get", "version")] == ["create"], "the reviews alone"


def test_without_an_image_the_trial_cannot_be(kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    admin(kubectl)
    site.write_text("storage: {nfs: {server: nfs.example.edu, path: /export}}\n")
    assert main.main(["preflight", "--site", str(site)]) == 1
    assert "-> write jupyterhub.hub.image.name, or name an image by --image" in capsys.readouterr().out


def test_a_trial_that_cannot_be_made_is_said_and_what_there_is_of_it_is_removed(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, file in ANSWERS.items():
        if words != ("create",):
            kubectl.says(words, (HERE / file).read_text())
    kubectl.says(["create", "--output"], (HERE / "rights.txt").read_text())
    kubectl.refuses(
        ["create"], 'Error from server (Forbidden): persistentvolumes is forbidden: User "anna" cannot create'
    )
    kubectl.says(["delete"], "")
    site.write_text(NFS)
    assert main.main(["preflight", "--site", str(site)]) == 1
    assert "! NFS               not tried: Error from server (Forbidden)" in capsys.readouterr().out
    deleted = [call[3] for call in kubectl.asked if call[2] == "delete"]
    assert deleted == ["jobs", "persistentvolumeclaims", "persistentvolumes"]


def test_what_cannot_be_removed_keeps_nothing_else_of_the_trial_there(
    kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.says(["create", "--output"], (HERE / "rights.txt").read_text())
    admin(kubectl)
    kubectl.says(["get", "pods"], {"items": []})
    kubectl.says(["get", "events"], {"items": []})
    kubectl.refuses(["delete", "jobs"], "error: timed out waiting for the condition on jobs/x")
    kubectl.says(["delete"], "")
    site.write_text(NFS)
    assert main.main(["preflight", "--site", str(site), "--timeout", "1"]) == 1
    said = capsys.readouterr().out
    assert "what the trial made could not be removed: error: timed out waiting" in said
    assert "-> kubectl --namespace coursehub delete jobs,persistentvolumeclaims,persistentvolumes --selector" in said
    assert [call[3] for call in kubectl.asked if call[2] == "delete"] == [
        *("jobs", "persistentvolumeclaims", "persistentvolumes"),
    ]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda end: end.name)
def test_a_trial_that_somebody_ends_leaves_nothing(kubectl: Kubectl, site: Path, end: signal.Signals) -> None:
    """As a pipeline does that takes too long, or who closes the terminal."""
    kubectl.says(["create", "--output"], (HERE / "rights.txt").read_text())
    admin(kubectl)
    kubectl.says(["get", "pods"], {"items": []})
    kubectl.says(["get", "events"], {"items": []})
    kubectl.says(["delete"], "")
    site.write_text(NFS)
    command = [sys.executable, "-m", "coursehub.cli", "preflight", "--site", str(site)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            until = time.monotonic() + 60
            while not any(call[2:4] == ["get", "pods"] for call in kubectl.asked):
                assert running.poll() is None, running.communicate()
                assert time.monotonic() < until, "the trial has not begun"
                time.sleep(0.05)
            running.send_signal(end)
            assert running.wait(timeout=60) != 0
        finally:
            running.kill()
    deleted = [call[3] for call in kubectl.asked if call[2] == "delete"]
    assert deleted == ["jobs", "persistentvolumeclaims", "persistentvolumes"]


def test_values_that_are_none_are_a_sentence(kubectl: Kubectl, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text("storage: [")
    assert main.main(["preflight", "--site", str(site)]) == 1
    assert f"coursehub: {site}: this is no YAML" in capsys.readouterr().err
    site.write_text("- storage")
    assert main.main(["preflight", "--site", str(site)]) == 1
    assert "these are no values; write keys" in capsys.readouterr().err
