"""The trial mount: what is made for it, and what its pods say."""

from dataclasses import replace
from typing import Any

import pytest
from coursehub.cli.cluster import mount
from coursehub.cli.cluster.mount import Trial

NFS = {"server": "nfs.example.edu", "path": "/export", "version": 4.2, "mountOptions": ["rsize=1048576"]}
SITE = {"storage": {"nfs": NFS}, "jupyterhub": {"hub": {"image": {"pullSecrets": ["pull"]}}}}
NODES = ("node-1", "node-2")
IMAGE = "registry.example.edu/coursehub-hub:1"


TRIAL = Trial("teaching", "trial", NODES, SITE, IMAGE, 180)


def made() -> list[Any]:
    return mount.manifests(TRIAL)


def pod(node: str, **status: Any) -> Any:
    """As the Job controller makes it."""
    (job,) = (each for each in made() if each["kind"] == "Job" and mount.node(template(each)) == node)
    metadata = {"name": f"trial-{node}", "uid": node, "labels": {}}
    return {"metadata": metadata, "spec": template(job)["spec"], "status": status}


def template(job: Any) -> Any:
    return job["spec"]["template"]


def failed(node: str, message: str) -> Any:
    """As kubelet says it."""
    return {
        "reason": "FailedMount",
        "message": f'MountVolume.SetUp failed for volume "trial" : mount failed: exit status 32 {message}',
        "involvedObject": {"kind": "Pod", "uid": node},
        "lastTimestamp": "2026-11-01T10:00:00Z",
        "metadata": {},
    }


PENDING = {
    "phase": "Pending",
    "containerStatuses": [{"name": "notebook", "state": {"waiting": {"reason": "ContainerCreating"}}}],
}


def test_all_that_is_made_has_the_label_by_which_it_is_removed() -> None:
    objects = made()
    assert [each["kind"] for each in objects] == ["PersistentVolume", "PersistentVolumeClaim", "Job", "Job"]
    assert all(each["metadata"]["labels"] == {mount.LABEL: "trial"} for each in objects)


def test_it_mounts_what_servers_do_and_can_write_nothing() -> None:
    volume, _, job, _ = made()
    assert volume["spec"]["nfs"] == {"server": "nfs.example.edu", "path": "/export", "readOnly": True}
    assert volume["spec"]["mountOptions"] == ["nfsvers=4.2", "nosuid", "nodev", "rsize=1048576", "ro", "retry=0"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    (share,) = template(job)["spec"]["volumes"]
    assert share["persistentVolumeClaim"]["readOnly"] is True


def test_its_pods_keep_to_the_restricted_level_and_know_nothing_of_the_cluster() -> None:
    for job in made()[2:]:
        spec = template(job)["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert spec["automountServiceAccountToken"] is False
        assert job["spec"]["backoffLimit"] == 0
        assert job["spec"]["ttlSecondsAfterFinished"]


def test_there_is_one_for_each_node() -> None:
    assert tuple(mount.node(template(job)) for job in made()[2:]) == NODES


def test_where_each_node_mounts_it_that_is_one_line() -> None:
    pods = [pod(node, phase="Succeeded") for node in NODES]
    assert all(mount.ended(each, []) for each in pods)
    (line,) = mount.lines(TRIAL, pods, [])
    assert (line.message, line.todo) == ("each of the 2 nodes mounts nfs.example.edu:/export, as servers do", None)


@pytest.mark.parametrize(
    ("message", "todo"),
    [
        (
            "Output: mount: /var/lib/kubelet/pods/1: bad option; for several filesystems (e.g. nfs, cifs) you might "
            "need a /sbin/mount.<type> helper program.",
            "node-2: install the NFS client (Debian: nfs-common, Red Hat: nfs-utils)",
        ),
        (
            "Output: mount.nfs: access denied by server while mounting nfs.example.edu:/export",
            "node-2: let the file server export /export to its address",
        ),
        (
            "Output: mount.nfs: mounting nfs.example.edu:/export failed, reason given by server: No such file or "
            "directory",
            "node-2: nfs.example.edu exports no /export; correct storage.nfs.path",
        ),
        ("Output: mount.nfs: Protocol not supported", "node-2: nfs.example.edu or the node's client does not take"),
        ("Output: mount.nfs: an incorrect mount option was specified", "node-2: nfs.example.edu or the node's client"),
        (
            "Output: mount.nfs: Failed to resolve server nfs.example.edu: Name or service not known",
            "node-2: it finds no",
        ),
        ("Output: mount.nfs: Connection timed out", "node-2: it does not reach nfs.example.edu; open port 2049 to it"),
        ("Output: mount.nfs: Connection refused", "node-2: it does not reach nfs.example.edu"),
        (
            "Output: mount.nfs: something new",
            "node-2: mount it there by hand: mount -t nfs nfs.example.edu:/export /mnt",
        ),
    ],
)
def test_one_that_cannot_is_named_with_what_its_client_said_and_what_to_do(message: str, todo: str) -> None:
    pods, events = [pod("node-1", phase="Succeeded"), pod("node-2", **PENDING)], [failed("node-2", message)]
    assert mount.ended(pods[1], events)
    (line,) = mount.lines(TRIAL, pods, events)
    assert line.message.startswith("node-2 did not mount nfs.example.edu:/export: MountVolume.SetUp failed")
    assert line.todo is not None
    assert line.todo.startswith(todo)


def test_an_image_that_is_not_there_is_not_taken_for_the_share() -> None:
    state = {"waiting": {"reason": "ErrImagePull", "message": f"{IMAGE}: not found"}}
    pods = [pod("node-1", phase="Pending", containerStatuses=[{"name": "notebook", "state": state}])]
    assert mount.ended(pods[0], [])
    (line,) = mount.lines(replace(TRIAL, nodes=NODES[:1]), pods, [])
    assert line.todo is not None
    assert "the image has to come first" in line.todo


def test_a_pod_that_still_begins_has_not_ended_and_one_that_is_not_there_is_said() -> None:
    assert not mount.ended(pod("node-1", **PENDING), [])
    lines = list(mount.lines(TRIAL, [pod("node-1", **PENDING)], []))
    assert [line.message for line in lines] == [
        f"{node} did not mount nfs.example.edu:/export: nothing was said in time" for node in NODES
    ]
