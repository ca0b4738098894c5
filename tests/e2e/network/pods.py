"""Pods of the tests' own: each does nothing, and its network is what others use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.cluster import Installation


@dataclass(frozen=True)
class Idle:
    """A pod that waits; as a service it is reached at port 53 where it listens at another."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    serves: int | None = None

    @property
    def selector(self) -> str:
        """Chooses it alone."""
        return f"coursehub.test={self.name}"

    def objects(self, image: str) -> list[dict[str, Any]]:
        """What kubectl applies."""
        meta = {"name": self.name, "namespace": self.namespace, "labels": {"coursehub.test": self.name, **self.labels}}
        container = {
            "name": "idle",
            "image": image,
            "imagePullPolicy": "Never",
            "command": ["sleep", "infinity"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
        }
        spec = {
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        if self.serves is None:
            return [pod]
        ports = [
            {"name": each.lower(), "port": 53, "targetPort": self.serves, "protocol": each} for each in ("UDP", "TCP")
        ]
        service = {"selector": {"coursehub.test": self.name}, "ports": ports}
        return [pod, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}]


@contextmanager
def running(installation: Installation, namespaces: Sequence[str], pods: Sequence[Idle]) -> Iterator[None]:
    """These pods run, in namespaces of which those that are named are made for them."""
    image = installation.kubectl("get", "deployment/hub", "--output=jsonpath={.spec.template.spec.containers[0].image}")
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in namespaces
    ]
    objects = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": made + [part for each in pods for part in each.objects(image)]}
    )
    try:
        installation.kubectl("apply", "--server-side", "--filename=-", text=objects)
        for each in pods:
            where = f"--namespace={each.namespace}"
            installation.kubectl(where, "wait", "--for=condition=Ready", f"pod/{each.name}", "--timeout=60s")
        yield
    finally:
        installation.kubectl("delete", "--ignore-not-found", "--filename=-", text=objects)
