"""The shared volume's claims and volumes: bound, or what keeps them from each other."""

import json
from collections.abc import Iterator, Sequence

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line

CLAIM = "coursehub-storage"
# What a claim left in its volume when it went; the claim's name stays, so that no other gets the volume.
_FREE = json.dumps({"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})


def released(namespace: str, volumes: Sequence[Object]) -> Iterator[Line]:
    """Of each volume whose claim went with the release's namespace: Kubernetes gives it to no new one by itself."""
    own = (f"{namespace}-coursehub-storage", f"{namespace}-coursehub-provisioner")
    for volume in volumes:
        name = volume["metadata"]["name"]
        if name in own and volume["status"].get("phase") == "Released":
            claim = volume["spec"]["claimRef"]
            message = f"{name} waits for the claim that it had, {claim['namespace']}/{claim['name']}, which is gone"
            todo = f"nothing on it is lost; kubectl patch persistentvolume {name} --type merge --patch '{_FREE}'"
            yield Line("volume", message, todo)


def claim(namespace: str, found: Object | None) -> Line:
    """Of the claim that servers mount; None where there is none."""
    show = f"kubectl --namespace {namespace} describe persistentvolumeclaim {CLAIM}"
    if found is None:
        return Line("share", f"there is no claim {CLAIM} in {namespace}", f"make one with ReadWriteMany: {show}")
    phase, modes = found["status"].get("phase"), found["spec"].get("accessModes") or []
    if phase != "Bound":
        return Line("share", f"the claim {CLAIM} is {phase}", f"look at: {show}")
    if "ReadWriteMany" not in modes:
        todo = "make it anew with ReadWriteMany, from a StorageClass of a shared file system"
        return Line("share", f"the claim {CLAIM} has {', '.join(modes)} alone, for one node", todo)
    return Line("share", f"the claim {CLAIM} is bound")
