"""Whether something in the cluster enforces network policies, as far as its DaemonSets tell."""

from collections.abc import Sequence

from coursehub.cli.kubectl import Object
from coursehub.cli.report import Line

ENFORCING = {
    "anetd": "GKE Dataplane V2",
    "antrea-agent": "Antrea",
    "azure-npm": "Azure NPM",
    "calico-node": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "kindnet": "kindnet",
    "kube-network-policies": "kube-network-policies",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "rke2-canal": "Canal",
    "weave-net": "Weave Net",
}
_WITHOUT = {"kube-flannel": "Flannel", "kube-flannel-ds": "Flannel", "aws-node": "Amazon's VPC CNI"}
_WHAT = "network policies"
_SURELY = "`helm test` says after the install whether they hold"


def line(daemonsets: Sequence[Object] | None, nodes: Sequence[Object] | None) -> Line:
    """Of what runs on each node; None: nobody could look."""
    if daemonsets is None:
        return Line(_WHAT, f"this account may not list DaemonSets; {_SURELY}")
    names = {each["metadata"]["name"] for each in daemonsets}
    found = sorted({ENFORCING[name] for name in names & ENFORCING.keys()})
    if any(_amazons(each) for each in daemonsets):
        found.append("Amazon's VPC CNI")
    if any("+k3s" in node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes or ()):
        found.append("k3s")
    if found:
        return Line(_WHAT, f"{' and '.join(found)} can enforce them; {_SURELY}")
    if without := sorted({_WITHOUT[name] for name in names & _WITHOUT.keys()}):
        todo = (
            "let it enforce them (of Amazon's: enableNetworkPolicy), or put Calico or Cilium beside it or in its place"
        )
        return Line(_WHAT, f"{' and '.join(without)} enforces none as it is set up here", todo)
    return Line(_WHAT, f"no network plugin is known here by its DaemonSet; {_SURELY}")


def _amazons(daemonset: Object) -> bool:
    containers = daemonset["spec"]["template"]["spec"]["containers"]
    return daemonset["metadata"]["name"] == "aws-node" and any(
        "--enable-network-policy=true" in (container.get("args") or ()) for container in containers
    )
