"""The last word: a finished pod is held against its plan, and one that differs is refused.

Whatever changed the pod after the plan was set (a site's hook, group overrides, values for the spawner) shows here.
Every field of a pod is compared, has to be empty, or is named in `_SITE` or `_PULLING`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

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
# Of the container: how its image is pulled.
_PULLING = frozenset({"imagePullPolicy"})
_CONTAINER = frozenset(
    {
        *("args", "env", "image", "name", "ports", "resources", "securityContext"),
        *("terminationMessagePolicy", "volumeMounts", "workingDir"),
    }
)


@dataclass(frozen=True)
class Server:
    """What JupyterHub and KubeSpawner say themselves of one server.

    `name` and `port` are its pod's, `labels` say whose it is, `environment` is how it finds the hub, with its token.
    """

    name: str
    port: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    environment: Mapping[str, str] = field(repr=False)


def check(pod: Mapping[str, Any], plan: PodPlan, frame: Frame, server: Server) -> None:
    """Raises GateClosed, which has no value of a variable, unless `pod`, as plain data, is the plan's for `server`."""
    differences = list(_differences(pod, plan, frame, server))
    if differences:
        raise GateClosed("; ".join(differences))


def _differences(pod: Mapping[str, Any], plan: PodPlan, frame: Frame, server: Server) -> Iterator[str]:
    yield from _unknown("pod", _set(pod), frozenset({"apiVersion", "kind", "metadata", "spec"}))
    yield from _different("apiVersion and kind", (pod.get("apiVersion"), pod.get("kind")), ("v1", "Pod"))
    yield from _metadata(_set(pod.get("metadata") or {}), plan, frame, server)
    spec = _set(pod.get("spec") or {})
    yield from _unknown("spec", spec, _SITE | _PLANNED)
    yield from _different("spec.automountServiceAccountToken", spec.get("automountServiceAccountToken"), False)
    yield from _different("spec.restartPolicy", spec.get("restartPolicy"), manifest.RESTART_POLICY)
    yield from _different("spec.securityContext", spec.get("securityContext"), manifest.pod_security(plan))
    wanted = manifest.volumes(plan, frame).values()
    yield from _different("spec.volumes", _sorted(spec.get("volumes"), "name"), _sorted(wanted, "name"))
    yield from _different("spec.nodeSelector", spec.get("nodeSelector") or {}, manifest.node_selector(plan, frame))
    tolerations = [_set(toleration) for toleration in manifest.tolerations(plan, frame)]
    found = [_set(toleration) for toleration in spec.get("tolerations") or ()]
    yield from _different("spec.tolerations", found, tolerations)
    yield from _different("spec.priorityClassName", spec.get("priorityClassName"), frame.priority_class)
    names = [container.get("name") for container in spec.get("containers", ())]
    if names != ["notebook"]:
        yield f"spec.containers are {names}, not ['notebook']"
        return
    yield from _container(_set(spec["containers"][0]), plan, server)


def _metadata(metadata: Mapping[str, Any], plan: PodPlan, frame: Frame, server: Server) -> Iterator[str]:
    yield from _unknown("metadata", metadata, frozenset({"name", "namespace", "labels", "annotations"}))
    yield from _different("metadata.name", metadata.get("name"), server.name)
    yield from _different("metadata.namespace", metadata.get("namespace") or frame.namespace, frame.namespace)
    yield from _different("labels", metadata.get("labels") or {}, _labels(plan, frame, server))
    yield from _unlike("annotation", metadata.get("annotations") or {}, server.annotations)


def _container(container: Mapping[str, Any], plan: PodPlan, server: Server) -> Iterator[str]:
    yield from _unknown("container", container, _CONTAINER | _PULLING)
    yield from _different("image", container.get("image"), plan.image)
    yield from _different("args", container.get("args"), list(plan.command))
    yield from _different("workingDir", container.get("workingDir"), plan.home)
    policy = container.get("terminationMessagePolicy")
    yield from _different("terminationMessagePolicy", policy, manifest.TERMINATION_MESSAGE_POLICY)
    yield from _different("securityContext", container.get("securityContext"), manifest.container_security(plan))
    mounts = manifest.mounts(plan).values()
    found = _sorted(container.get("volumeMounts"), "mountPath")
    yield from _different("volumeMounts", found, _sorted(mounts, "mountPath"))
    resources = {
        "limits": {**manifest.amounts(plan.limits), **manifest.limits(plan)},
        "requests": {**manifest.amounts(plan.guarantees), **manifest.requests(plan)},
    }
    yield from _different("resources", _set(container.get("resources") or {}), resources)
    ports = [_set(port) for port in container.get("ports") or ()]
    yield from _different("ports", ports, [{"containerPort": server.port, "name": "notebook-port"}])
    variables = container.get("env") or ()
    values = {str(each.get("name")): each if each.get("valueFrom") else each.get("value") for each in variables}
    if len(values) < len(variables):
        yield "a variable is there twice"
    wanted = {**server.environment, **manifest.environment(plan), **manifest.secrets(plan)}
    yield from _unlike("variable", values, wanted)


def _labels(plan: PodPlan, frame: Frame, server: Server) -> dict[str, str]:
    return {
        **{key: value for key, value in frame.labels.items() if key in _LABELS},
        "component": _COMPONENT,
        "app.kubernetes.io/component": _COMPONENT,
        **server.labels,
        **plan.labels,
    }


def _set(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is set: absent, None and empty mean the same to Kubernetes."""
    return {key: value for key, value in mapping.items() if value not in (None, [], {}, "")}


def _sorted(items: Iterable[Mapping[str, Any]] | None, key: str) -> list[dict[str, Any]]:
    plain = [{k: v for k, v in item.items() if v is not None} for item in items or ()]
    return sorted(plain, key=lambda item: str(item.get(key)))


def _unknown(what: str, mapping: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for key in sorted(set(mapping) - known):
        yield f"{what}.{key} is set, which the plan does not have"


def _different(what: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield f"{what} is {found}, not {wanted}"


def _unlike(what: str, found: Mapping[str, object], wanted: Mapping[str, object]) -> Iterator[str]:
    """The names alone: a value can be a secret."""
    for name in sorted({*found, *wanted}):
        if name not in wanted:
            yield f"the {what} {name} is not the plan's"
        elif name not in found:
            yield f"the {what} {name} is missing"
        elif found[name] != wanted[name]:
            yield f"the {what} {name} has another value"
