"""The trial mount: a Job on each node that mounts the site's NFS, read-only and as servers do, and ends at once.

What it takes (a volume, a claim and the Jobs) has one label, by which all of it is removed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line
from coursehub.cli.values import Values, at, listed, pull_secrets
from coursehub.hub.failures import diagnosis
from coursehub.hub.failures.diagnosis import Cause, Diagnosis

LABEL = "coursehub/preflight"
_WHAT = "NFS"
# What mount.nfs, the kernel and the file server say, and what to do about it on the node {node}.
_REMEDIES = (
    (
        r"helper program|unknown filesystem type",
        "{node}: install the NFS client (Debian: nfs-common, Red Hat: nfs-utils)",
    ),
    (r"access denied|not permitted|Permission denied", "{node}: let the file server export {path} to its address"),
    (r"No such file", "{node}: {server} exports no {path}; correct storage.nfs.path"),
    (
        r"Protocol not supported|incorrect mount option|Invalid argument",
        "{node}: {server} or the node's client does not "
        "take storage.nfs.version or one of storage.nfs.mountOptions; correct them",
    ),
    (r"resolve|not known", "{node}: it finds no name {server}; correct storage.nfs.server, or the node's DNS"),
    (r"timed out|No route|refused|unreachable|timeout", "{node}: it does not reach {server}; open port 2049 to it"),
)


@dataclass(frozen=True)
class Trial:
    """A trial of the site's `values` on these nodes, in a namespace; what it takes has its name, and goes by `own`."""

    namespace: str
    name: str
    nodes: Sequence[str]
    values: Values
    image: str
    seconds: int

    @property
    def own(self) -> str:
        """The label by which kubectl chooses it."""
        return f"{LABEL}={self.name}"


def manifests(trial: Trial) -> list[Object]:
    """A volume, a claim, and a Job for each of the nodes."""
    namespace, name = trial.namespace, trial.name
    nfs, labels = at(trial.values, "storage.nfs"), {LABEL: name}
    pod = {
        # As of servers, so that the same is read from its state.
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": each} for each in pull_secrets(trial.values, "hub")],
        "containers": [
            {
                "name": "notebook",
                "image": trial.image,
                "command": ["true"],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "share", "mountPath": "/share", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "share", "persistentVolumeClaim": {"claimName": name, "readOnly": True}}],
    }
    bound = {"accessModes": ["ReadOnlyMany"], "storageClassName": "", "volumeName": name}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "capacity": {"storage": "1Mi"},
                "accessModes": ["ReadOnlyMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {"namespace": namespace, "name": name},
                "mountOptions": _options(nfs),
                "nfs": {"server": str(nfs["server"]), "path": str(nfs["path"]), "readOnly": True},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {**bound, "resources": {"requests": {"storage": "1Mi"}}},
        },
        *(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": f"{name}-{number}", "namespace": namespace, "labels": labels},
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": trial.seconds,
                    # Where nobody is left to remove it.
                    "ttlSecondsAfterFinished": 600,
                    "template": {"metadata": {"labels": labels}, "spec": {**pod, "affinity": _at(node)}},
                },
            }
            for number, node in enumerate(trial.nodes)
        ),
    ]


def _options(nfs: Values) -> list[str]:
    """As the chart mounts it, read-only, and with one try."""
    given = [str(option) for option in listed(nfs.get("mountOptions")) if option != "rw"]
    version = [f"nfsvers={nfs['version']}"] if nfs.get("version") else []
    return list(dict.fromkeys([*version, "nosuid", "nodev", *given, "ro", "retry=0"]))


def _at(node: str) -> Mapping[str, Any]:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def node(pod: Object) -> str:
    """For which node a pod is."""
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def ended(pod: Object, events: Sequence[Object]) -> bool:
    """Whether no more is to be learnt of it."""
    if pod["status"].get("phase") in ("Succeeded", "Failed"):
        return True
    found = diagnosis.find(pod, events)
    return found is not None and found.fatal_after is not None


def lines(trial: Trial, pods: Sequence[Object], events: Sequence[Object]) -> Iterator[Line]:
    """What the trial came to: one line where each node has mounted it, or one for each that has not."""
    by_node = {node(pod): pod for pod in pods}
    nfs = at(trial.values, "storage.nfs")
    where = f"{nfs['server']}:{nfs['path']}"
    wrong = False
    for name in trial.nodes:
        pod = by_node.get(name)
        if pod is not None and pod["status"].get("phase") == "Succeeded":
            continue
        wrong = True
        found = diagnosis.find(pod, events) if pod else None
        yield Line(_WHAT, f"{name} did not mount {where}: {_said(found)}", _todo(name, nfs, found))
    if not wrong:
        count = "the node mounts" if len(trial.nodes) == 1 else f"each of the {len(trial.nodes)} nodes mounts"
        yield Line(_WHAT, f"{count} {where}, as servers do")


def _said(found: Diagnosis | None) -> str:
    return found.detail if found and found.detail else "nothing was said in time"


def _todo(node: str, nfs: Values, found: Diagnosis | None) -> str:
    if found is not None and found.cause in (Cause.IMAGE, Cause.REGISTRY, Cause.PULLING):
        return f"{node}: the image has to come first; push it, see to its pull secret, or name another by --image"
    if found is not None and found.cause is Cause.VOLUME:
        for pattern, remedy in _REMEDIES:
            if re.search(pattern, found.detail):
                return remedy.format(node=node, server=nfs["server"], path=nfs["path"])
    return f"{node}: mount it there by hand: mount -t nfs {nfs['server']}:{nfs['path']} /mnt"
