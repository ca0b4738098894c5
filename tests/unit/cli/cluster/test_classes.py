"""The hub's database gets a volume that is there, and never a share over the network."""

from typing import Any

import pytest
from coursehub.cli.cluster import classes


def storage_class(name: str, provisioner: str, *, default: bool = False, since: int = 1, **parameters: str) -> Any:
    """As the API has it."""
    key = "storageclass.kubernetes.io/is-default-class"
    annotations = {"annotations": {key: "true"}} if default else {}
    made = f"2026-01-0{since}T08:00:00Z"
    metadata = {"name": name, "creationTimestamp": made, **annotations}
    return {"metadata": metadata, "provisioner": provisioner, "parameters": parameters}


BLOCK = storage_class("gp3", "ebs.csi.aws.com", default=True)
SHARES = (
    "nfs.csi.k8s.io",
    "cluster.local/nfs-subdir-external-provisioner",
    "k8s-sigs.io/nfs-subdir-external-provisioner",
    "smb.csi.k8s.io",
    "efs.csi.aws.com",
    "file.csi.azure.com",
    "kubernetes.io/azure-file",
    "filestore.csi.storage.gke.io",
    "nfs.manila.csi.openstack.org",
    "nasplugin.csi.alibabacloud.com",
    "rook-ceph.nfs.csi.ceph.com",
)
BLOCKS = (
    "ebs.csi.aws.com",
    "disk.csi.azure.com",
    "pd.csi.storage.gke.io",
    "cinder.csi.openstack.org",
    "rbd.csi.ceph.com",
    "csi.vsphere.vmware.com",
    "driver.longhorn.io",
    "rancher.io/local-path",
    "topolvm.io",
)


def line(found: list[Any] | None, database: dict[str, Any] | None = None, volumes: list[Any] | None = None) -> Any:
    return classes.line(found, volumes, {"jupyterhub": {"hub": {"db": database or {}}}}, "teaching")


@pytest.mark.parametrize("provisioner", BLOCKS)
def test_a_default_of_block_storage_is_well(provisioner: str) -> None:
    found = line([storage_class("standard", provisioner, default=True)])
    assert (found.message, found.todo) == (f"StorageClass standard, the default ({provisioner})", None)


@pytest.mark.parametrize("provisioner", SHARES)
def test_a_share_is_refused_be_it_the_default_or_named(provisioner: str) -> None:
    share = storage_class("shared", provisioner, default=True)
    assert "SQLite gets damaged there" in line([share]).message
    named = line([BLOCK, share], {"pvc": {"storageClassName": "shared"}})
    assert "StorageClass shared" in named.message
    assert "there are: gp3, shared" in named.todo


def test_netapps_driver_makes_either_kind() -> None:
    nas = storage_class("nas", "csi.trident.netapp.io", default=True, backendType="ontap-nas")
    san = storage_class("san", "csi.trident.netapp.io", default=True, backendType="ontap-san")
    assert line([nas]).todo
    assert line([san]).todo is None


def test_of_two_defaults_the_newest_counts_as_kubernetes_has_it() -> None:
    older = storage_class("shared", "nfs.csi.k8s.io", default=True)
    newer = storage_class("gp3", "ebs.csi.aws.com", default=True, since=2)
    assert line([newer, older]).message.startswith("StorageClass gp3")


def test_without_a_default_one_has_to_be_named() -> None:
    found = line([storage_class("gp3", "ebs.csi.aws.com")])
    assert found.message == "no StorageClass is the default"
    assert found.todo == (
        "name one in jupyterhub.hub.db.pvc.storageClassName: a class of block storage (there are: gp3)"
    )
    assert line([storage_class("gp3", "ebs.csi.aws.com")], {"pvc": {"storageClassName": "gp3"}}).todo is None


def test_a_name_that_there_is_not_is_said() -> None:
    assert line([BLOCK], {"pvc": {"storageClassName": "fast"}}).message == "there is no StorageClass fast"


def test_a_database_elsewhere_needs_no_class() -> None:
    assert line([], {"type": "postgres"}).todo is None


def volume(**source: Any) -> Any:
    """Made by hand for the hub's claim."""
    claim = {"namespace": "teaching", "name": "hub-db-dir"}
    return {"metadata": {"name": "db"}, "spec": {"claimRef": claim, **source}}


def test_a_volume_that_somebody_made_for_it_is_enough() -> None:
    assert line([], volumes=[volume(hostPath={"path": "/srv/db"})]).message == "the volume db is made for it"
    assert line([], volumes=[volume(csi={"driver": "ebs.csi.aws.com"})]).todo is None


@pytest.mark.parametrize("source", [{"nfs": {"server": "n", "path": "/e"}}, {"csi": {"driver": "efs.csi.aws.com"}}])
def test_also_that_one_is_no_share(source: Any) -> None:
    assert "SQLite gets damaged there" in line([BLOCK], volumes=[volume(**source)]).message


def test_a_volume_for_another_claim_is_none_of_it() -> None:
    other = volume(hostPath={})
    other["spec"]["claimRef"] = {"namespace": "elsewhere", "name": "hub-db-dir"}
    assert line([], volumes=[other]).message == "no StorageClass is the default"


def test_who_may_not_list_them_reads_what_somebody_else_has_to_look_at() -> None:
    assert "kubectl get storageclasses" in line(None).todo
