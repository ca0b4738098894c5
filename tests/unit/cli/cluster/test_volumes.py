"""The share's claim is bound and shared, and a volume that lost its claim comes back by a command."""

from typing import Any

import pytest
from coursehub.cli.cluster import volumes


def volume(name: str, phase: str) -> Any:
    """As the API has it."""
    claim = {"namespace": "teaching", "name": "coursehub-storage", "uid": "7", "resourceVersion": "12"}
    return {"metadata": {"name": name}, "spec": {"claimRef": claim}, "status": {"phase": phase}}


OWN = ("teaching-coursehub-storage", "teaching-coursehub-provisioner")


@pytest.mark.parametrize("name", OWN)
def test_of_a_volume_without_its_claim_the_command_is_said_that_frees_it(name: str) -> None:
    (line,) = volumes.released("teaching", [volume(name, "Released")])
    assert "teaching/coursehub-storage, which is gone" in line.message
    assert f"kubectl patch persistentvolume {name} " in str(line.todo)
    assert """'{"spec": {"claimRef": {"uid": null, "resourceVersion": null}}}'""" in str(line.todo)


def test_volumes_of_others_and_those_in_use_are_left_alone() -> None:
    used = [volume(name, phase) for name in OWN for phase in ("Bound", "Available")]
    assert list(volumes.released("teaching", [*used, volume("another-coursehub-storage", "Released")])) == []


def claim(phase: str, *modes: str) -> Any:
    """As the API has it."""
    return {"spec": {"accessModes": list(modes)}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param(None, "there is no claim coursehub-storage in teaching", id="none"),
        pytest.param(claim("Pending", "ReadWriteMany"), "the claim coursehub-storage is Pending", id="pending"),
        pytest.param(
            claim("Bound", "ReadWriteOnce"),
            "the claim coursehub-storage has ReadWriteOnce alone, for one node",
            id="one",
        ),
    ],
)
def test_a_claim_that_servers_cannot_share_is_wrong(found: Any, message: str) -> None:
    line = volumes.claim("teaching", found)
    assert line.message == message
    assert line.todo


def test_one_that_they_can_is_well() -> None:
    assert volumes.claim("teaching", claim("Bound", "ReadWriteOnce", "ReadWriteMany")).todo is None
