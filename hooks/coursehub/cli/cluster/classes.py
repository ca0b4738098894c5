"""The StorageClass of the hub's database: there, and no share over the network, on which SQLite gets damaged."""

import re
from collections.abc import Sequence

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line
from coursehub.cli.values import Values, at

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_KEY = "jupyterhub.hub.db.pvc.storageClassName"
# Provisioners of NFS and SMB, by the names of their projects; the last are of clouds.
_SHARE = re.compile(
    r"nfs|smb|cifs|azure-?file|file\.csi\.azure\.com|efs\.csi\.aws\.com|filestore|manila|nas(plugin)?\.", re.IGNORECASE
)
_WHAT = "hub's database"
# As upstream's chart names its claim, mostly with the release's name before it where values rename things.
_CLAIM = "hub-db-dir"


def line(classes: Sequence[Object] | None, volumes: Sequence[Object] | None, values: Values, namespace: str) -> Line:
    """Of the cluster's classes and volumes, and the site's values; None: nobody could look."""
    database = at(values, "jupyterhub.hub.db")
    if (kind := database.get("type") or "sqlite-pvc") != "sqlite-pvc":
        return Line(_WHAT, f"{kind}: it needs no volume")
    wanted = at(database, "pvc").get("storageClassName")
    for volume in volumes or ():
        claim = volume["spec"].get("claimRef") or {}
        if claim.get("namespace") == namespace and str(claim.get("name")).endswith(_CLAIM):
            return _made(volume)
    if wanted == "":
        return Line(_WHAT, "its claim asks for no StorageClass, so it waits for a volume that somebody makes by hand")
    if classes is None:
        todo = "have somebody look who may: kubectl get storageclasses. One has to be the default, and none of NFS"
        return Line(_WHAT, "this account may not list StorageClasses", todo)
    names = ", ".join(sorted(each["metadata"]["name"] for each in classes)) or "none"
    block = f"a class of block storage (there are: {names})"
    if wanted is not None:
        found = next((each for each in classes if each["metadata"]["name"] == wanted), None)
        if found is None:
            return Line(_WHAT, f"there is no StorageClass {wanted}", f"name another in {_KEY}: {block}")
        return _found(found, f"StorageClass {wanted}", block)
    defaults = [each for each in classes if (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"]
    if not defaults:
        return Line(_WHAT, "no StorageClass is the default", f"name one in {_KEY}: {block}")
    newest = max(defaults, key=lambda each: str(each["metadata"]["creationTimestamp"]))
    return _found(newest, f"StorageClass {newest['metadata']['name']}, the default", block)


def _made(volume: Object) -> Line:
    name, spec = volume["metadata"]["name"], volume["spec"]
    driver = (spec.get("csi") or {}).get("driver", "nfs" if "nfs" in spec else "")
    if _SHARE.search(driver):
        message = f"the volume {name} is a share over the network ({driver}), and SQLite gets damaged there"
        return Line(
            _WHAT, message, f"make another volume for the claim {_CLAIM}: of block storage, or a node's own disk"
        )
    return Line(_WHAT, f"the volume {name} is made for it")


def _found(found: Object, name: str, block: str) -> Line:
    provisioner = str(found["provisioner"])
    # One of NetApp's makes either kind.
    backend = str((found.get("parameters") or {}).get("backendType", ""))
    if _SHARE.search(provisioner) or backend.endswith("nas"):
        message = f"{name} ({provisioner}) makes shares over the network, and SQLite gets damaged there"
        return Line(_WHAT, message, f"name another in {_KEY}: {block}")
    if provisioner == "kubernetes.io/no-provisioner":
        return Line(_WHAT, f"{name}, which makes no volume: the claim waits for one that somebody makes by hand")
    return Line(_WHAT, f"{name} ({provisioner})")
