"""The parts of a server's pod, as Kubernetes writes them: a plan in the frame of this installation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coursehub.config.resources import Amount

from .plan import SHARE, PodPlan

# A server that kubelet would start again in its place looks to the hub as if it had never died.
RESTART_POLICY = "Never"


# What Kubernetes calls a container's own layer, its log and its emptyDirs, counted together.
SCRATCH = "ephemeral-storage"
# What Kubernetes marks a node with that does not answer; without a word on these, pods wait for it for five minutes.
_AWAY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
# What a container that failed printed last is kept with its state, where the hub may read it.
TERMINATION_MESSAGE_POLICY = "FallbackToLogsOnError"


@dataclass(frozen=True)
class Frame:
    """What every pod of this installation has, whoever it is for: where it runs, its claim, labels and annotations.

    Annotations are as the site wrote them, before KubeSpawner puts names in; how images are pulled, which scheduler
    there is and near which nodes are KubeSpawner's own matter but for pods that it does not make.
    """

    claim: str
    namespace: str
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    priority_class: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pull_policy: str | None = None
    pull_secrets: tuple[Mapping[str, str], ...] = ()
    scheduler: str | None = None
    node_affinity: Mapping[str, Any] = field(default_factory=dict)


def volumes(plan: PodPlan, frame: Frame) -> dict[str, dict[str, Any]]:
    """The pod's volumes by name, as Kubernetes writes them: the shared one, and empty ones that end with the pod."""
    claim = {"persistentVolumeClaim": {"claimName": frame.claim}}
    empty = {"emptyDir": {"sizeLimit": plan.limits.scratch}}
    names = dict.fromkeys(mount.volume for mount in plan.mounts)
    return {name: {"name": name, **(claim if name == SHARE else empty)} for name in names}


def mounts(plan: PodPlan) -> dict[str, dict[str, Any]]:
    """The notebook container's mounts by path, as Kubernetes writes them."""
    return {
        mount.path: {
            "mountPath": mount.path,
            "name": mount.volume,
            **({"subPath": mount.sub_path} if mount.sub_path else {}),
            **({"readOnly": True} if mount.read_only else {}),
        }
        for mount in plan.mounts
    }


def node_selector(plan: PodPlan, frame: Frame) -> dict[str, str]:
    """The labels of the nodes on which the pod may run."""
    return {**frame.node_selector, **plan.node.node_selector}


def tolerations(plan: PodPlan, frame: Frame) -> list[dict[str, Any]]:
    """The taints of nodes on which the pod may run; of nodes that are away what the site says itself goes before."""
    said = [*map(dict, frame.tolerations), *plan.node.as_tolerations()]
    waits = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": plan.node_timeout}
    ours = [key for key in _AWAY if not any(_evicts(each, key) for each in said)]
    return [*said, *({"key": key, **waits} for key in ours)]


def _evicts(toleration: Mapping[str, Any], key: str) -> bool:
    """Whether it says when a pod leaves a node with this taint; without a key or an effect it is about all of them."""
    return toleration.get("key") in (key, None) and toleration.get("effect") in ("NoExecute", "", None)


def devices(plan: PodPlan) -> dict[str, str]:
    """Devices such as GPUs, which Kubernetes counts in whole ones."""
    return {name: str(number) for name, number in plan.node.devices.items()}


def amounts(amount: Amount) -> dict[str, Any]:
    """CPU and memory, where there are any."""
    return {key: value for key, value in (("cpu", amount.cpu), ("memory", amount.memory)) if value is not None}


def limits(plan: PodPlan) -> dict[str, Any]:
    """The most that the server may use beside CPU and memory; kubelet counts all of its scratch together."""
    return {**devices(plan), SCRATCH: plan.limits.scratch}


def requests(plan: PodPlan) -> dict[str, Any]:
    """What is kept free beside CPU and memory.

    Of scratch nothing is said to be nothing: Kubernetes takes the limit for what is not said, and a node whose kubelet
    does not count scratch offers none.
    """
    return {**devices(plan), SCRATCH: plan.guarantees.scratch or 0}


def pod_security(plan: PodPlan) -> dict[str, Any]:
    """The pod's security context; it also holds for any container that would name none of its own."""
    return {
        "runAsNonRoot": True,
        "runAsUser": plan.uid,
        "runAsGroup": plan.gid,
        "supplementalGroups": list(plan.supplementary_gids),
        "supplementalGroupsPolicy": "Strict",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


# No constant: KubeSpawner and hooks change what they are given, and the gate would then hold pods against the change.
def container_security(plan: PodPlan) -> dict[str, Any]:
    """The notebook container's security context."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": plan.uid,
        "runAsGroup": plan.gid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def secrets(plan: PodPlan) -> dict[str, dict[str, Any]]:
    """The variables that Kubernetes takes from Secrets, as it writes them; a missing key has none."""
    return {
        name: {
            "name": name,
            "valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key, "optional": True}},
        }
        for name, source in plan.secrets.items()
    }


def environment(plan: PodPlan) -> dict[str, str]:
    """The environment beside what JupyterHub itself puts there, as Kubernetes writes it: `$$` for each `$` meant."""
    return {
        **{name: value.replace("$", "$$") for name, value in plan.environment.items()},
        "JUPYTERHUB_DEFAULT_URL": plan.default_url,
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        "JUPYTERHUB_ROOT_DIR": "/",
    }
