"""The last word: a finished pod is held against its plan, and one that differs is refused.

Whatever changed the pod after the plan was set (a site's hook, group overrides, values for the spawner) shows here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coursehub.config.resources import Amount
from coursehub.errors import GateClosed

from . import manifest
from .manifest import Frame
from .plan import PodPlan

# Of the installation's labels these may be on a pod; the network policies select by some of them, and open by others.
_LABELS = frozenset(
    {
        *("app", "chart", "heritage", "release", "helm.sh/chart"),
        *(f"app.kubernetes.io/{name}" for name in ("instance", "managed-by", "name")),
    }
)
_COMPONENT = "singleuser-server"
# Of the pod's spec these are the site's: near which other pods it runs, how images are pulled, how it ends.
_SITE = frozenset({"affinity", "schedulerName", "imagePullSecrets", "terminationGracePeriodSeconds"})
_PLANNED = frozenset(
    {
        *("automountServiceAccountToken", "containers", "securityContext", "volumes"),
        *("nodeSelector", "tolerations", "priorityClassName", "restartPolicy"),
    }
)
_CONTAINER = frozenset(
    {
        *("args", "env", "image", "imagePullPolicy", "name", "ports", "resources", "securityContext"),
        *("terminationMessagePolicy", "volumeMounts", "workingDir"),
    }
)
# Set by JupyterHub 5.5 and KubeSpawner 7 themselves for each server.
_HUB_ENVIRONMENT = frozenset(
    {
        *(f"{resource}_{amount}" for resource in ("CPU", "MEM") for amount in ("GUARANTEE", "LIMIT")),
        *("JPY_API_TOKEN", "JUPYTER_IMAGE", "JUPYTER_IMAGE_SPEC"),
        *(f"JUPYTERHUB_{name}" for name in ("ACTIVITY_URL", "ADMIN_ACCESS", "API_TOKEN", "API_URL", "BASE_URL")),
        *(f"JUPYTERHUB_{name}" for name in ("CLIENT_ID", "COOKIE_HOST_PREFIX_ENABLED", "COOKIE_OPTIONS", "DEBUG")),
        *(f"JUPYTERHUB_{name}" for name in ("HOST", "PUBLIC_HUB_URL", "PUBLIC_URL", "SERVER_NAME")),
        *(f"JUPYTERHUB_{name}" for name in ("SERVICE_PREFIX", "SERVICE_URL", "USER")),
        *(f"JUPYTERHUB_OAUTH_{name}" for name in ("ACCESS_SCOPES", "CALLBACK_URL", "CLIENT_ALLOWED_SCOPES", "SCOPES")),
    }
)


def check(pod: Mapping[str, Any], plan: PodPlan, frame: Frame, name: str, owner: Mapping[str, str]) -> None:
    """Raises GateClosed unless `pod`, a manifest as plain data, is the plan's, called `name`, with `owner`'s labels."""
    differences = list(_differences(pod, plan, frame, name, owner))
    if differences:
        raise GateClosed("; ".join(differences))


def _differences(
    pod: Mapping[str, Any], plan: PodPlan, frame: Frame, name: str, owner: Mapping[str, str]
) -> Iterator[str]:
    spec = _set(pod["spec"])
    yield from _different("metadata.name", pod["metadata"].get("name"), name)
    yield from _different("metadata.namespace", pod["metadata"].get("namespace") or frame.namespace, frame.namespace)
    yield from _unknown("spec", spec, _SITE | _PLANNED)
    yield from _different("spec.automountServiceAccountToken", spec.get("automountServiceAccountToken"), False)
    yield from _different("spec.restartPolicy", spec.get("restartPolicy"), manifest.RESTART_POLICY)
    yield from _different("spec.securityContext", spec.get("securityContext"), manifest.pod_security(plan))
    yield from _different("spec.volumes", _by(spec.get("volumes"), "name"), manifest.volumes(plan, frame))
    yield from _different("spec.nodeSelector", spec.get("nodeSelector") or {}, manifest.node_selector(plan, frame))
    wanted = [_set(toleration) for toleration in manifest.tolerations(plan, frame)]
    found = [_set(toleration) for toleration in spec.get("tolerations") or ()]
    yield from _different("spec.tolerations", found, wanted)
    yield from _different("spec.priorityClassName", spec.get("priorityClassName"), frame.priority_class)
    yield from _different("labels", pod["metadata"].get("labels") or {}, _labels(plan, frame, owner))
    names = [container.get("name") for container in spec.get("containers", ())]
    if names != ["notebook"]:
        yield f"spec.containers are {names}, not ['notebook']"
        return
    yield from _container(_set(spec["containers"][0]), plan)


def _container(container: Mapping[str, Any], plan: PodPlan) -> Iterator[str]:
    yield from _unknown("container", container, _CONTAINER)
    yield from _different("image", container.get("image"), plan.image)
    yield from _different("args", container.get("args"), list(plan.command))
    yield from _different("workingDir", container.get("workingDir"), plan.home)
    policy = container.get("terminationMessagePolicy")
    yield from _different("terminationMessagePolicy", policy, manifest.TERMINATION_MESSAGE_POLICY)
    yield from _different("securityContext", container.get("securityContext"), manifest.container_security(plan))
    yield from _different("volumeMounts", _by(container.get("volumeMounts"), "mountPath"), manifest.mounts(plan))
    resources = container.get("resources") or {}
    counted = manifest.devices(plan)
    yield from _different("resources.limits", resources.get("limits") or {}, {**_amounts(plan.limits), **counted})
    wanted = {**_amounts(plan.guarantees), **counted}
    yield from _different("resources.requests", resources.get("requests") or {}, wanted)
    found = {entry["name"]: entry for entry in container.get("env") or ()}
    own = {
        name: entry.get("value")
        for name, entry in found.items()
        if name not in _HUB_ENVIRONMENT or entry.get("valueFrom") is not None
    }
    yield from _different("env", own, manifest.environment(plan))
    for port in container.get("ports") or ():
        yield from _unknown("port", _set(port), frozenset({"containerPort", "name", "protocol"}))


def _labels(plan: PodPlan, frame: Frame, owner: Mapping[str, str]) -> dict[str, str]:
    return {
        **{key: value for key, value in frame.labels.items() if key in _LABELS},
        "component": _COMPONENT,
        "app.kubernetes.io/component": _COMPONENT,
        **owner,
        **plan.labels,
    }


def _amounts(amount: Amount) -> dict[str, Any]:
    return {key: value for key, value in (("cpu", amount.cpu), ("memory", amount.memory)) if value is not None}


def _set(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is set: absent, None and empty mean the same to Kubernetes."""
    return {key: value for key, value in mapping.items() if value not in (None, [], {}, "")}


def _by(items: Iterable[Mapping[str, Any]] | None, key: str) -> dict[str, dict[str, Any]]:
    return {item[key]: {k: v for k, v in item.items() if v is not None} for item in items or ()}


def _unknown(what: str, mapping: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for key in sorted(set(mapping) - known):
        yield f"{what}.{key} is set, which the plan does not have"


def _different(what: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield f"{what} is {found}, not {wanted}"
