"""Nodes: which can run servers, by what each says of its container runtime."""

import re
from collections import Counter
from collections.abc import Sequence

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line

# What offers `supplementalGroupsPolicy: Strict`, without which a server could be in groups of its image.
RUNTIMES = {"containerd": ((2, 0), "containerd 2"), "cri-o": ((1, 31), "CRI-O 1.31")}
_COLUMNS = (
    "kubectl get nodes --output custom-columns=NAME:.metadata.name,RUNTIME:.status.nodeInfo.containerRuntimeVersion,"
    "STRICT:.status.features.supplementalGroupsPolicy"
)
_CONTROL_PLANE = frozenset({"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"})


def for_servers(nodes: Sequence[Object]) -> list[Object]:
    """Without those of the control plane that take no other pods, and without Windows."""
    return [node for node in nodes if not _keeps_off(node) and _info(node).get("operatingSystem", "linux") == "linux"]


def strict(node: Object) -> bool:
    """Whether the node offers `supplementalGroupsPolicy: Strict`; kubelet refuses each server on one that does not."""
    return bool((node["status"].get("features") or {}).get("supplementalGroupsPolicy"))


def runtime(node: Object) -> str:
    """Its container runtime and version, as `containerd 2.1.4`."""
    return str(_info(node).get("containerRuntimeVersion", "unknown")).replace("://", " ")


def remedy(node: Object) -> str:
    """What makes a node strict."""
    name, _, version = runtime(node).partition(" ")
    oldest, _ = RUNTIMES.get(name, ((), ""))
    found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    where = node["metadata"]["name"]
    if oldest and found >= oldest:
        return f"{where}: upgrade its kubelet, or turn the feature gate SupplementalGroupsPolicy on"
    newer = " or ".join(text for _, text in RUNTIMES.values())
    return f"{where}: give it {newer}, or keep servers off it by jupyterhub.singleuser.nodeSelector"


def line(nodes: Sequence[Object] | None) -> Line:
    """Whether each node that may get servers can run them; None: nobody could look."""
    if nodes is None:
        todo = f"have somebody look who may, and each node for servers has to say true: {_COLUMNS}"
        return Line("nodes", "this account may not list nodes", todo)
    chosen = for_servers(nodes)
    if not chosen:
        return Line("nodes", "no node takes servers", "add a node with Linux and without the control plane's taint")
    if lacking := [node for node in chosen if not strict(node)]:
        names = ", ".join(f"{node['metadata']['name']} ({runtime(node)})" for node in lacking)
        message = f"no supplementalGroupsPolicy on {names}: kubelet refuses servers there (before 1.33: adds groups)"
        return Line("nodes", message, "; ".join(map(remedy, lacking)))
    runtimes = ", ".join(f"{count} with {each}" for each, count in sorted(Counter(map(runtime, chosen)).items()))
    return Line("nodes", f"{runtimes}, and each offers supplementalGroupsPolicy")


def _keeps_off(node: Object) -> bool:
    taints = node["spec"].get("taints") or []
    return any(taint["key"] in _CONTROL_PLANE and taint["effect"] != "PreferNoSchedule" for taint in taints)


def _info(node: Object) -> Object:
    info: Object = node["status"].get("nodeInfo") or {}
    return info
