"""What runs in the cluster itself: name resolution, and the API server's right to ask the kubelet."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ci.cluster import images, network
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem

RBAC = "rbac.authorization.k8s.io"
COREFILE = """\
.:53 {
  errors
  health :8080
  ready :8181
  cache 30
  kubernetes cluster.local in-addr.arpa {
    ttl 5
  }
  forward . /etc/resolv.conf
}
"""


def apply(layout: Layout, objects: list[dict[str, Any]]) -> None:
    """Hand objects to the API server."""
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    done = kubectl(layout, "apply", "--server-side", "--force-conflicts", "--filename=-", text=everything)
    if done.returncode:
        raise Problem(f"the cluster's own objects were refused: {done.stderr.strip()}")


def kubectl(layout: Layout, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Ask the API server as the administrator."""
    return subprocess.run(command(layout, *arguments), input=text, capture_output=True, text=True, check=False)


def command(layout: Layout, *arguments: str) -> list[str]:
    """kubectl as the administrator."""
    access = [f"--kubeconfig={layout.kubeconfig}", f"--cache-dir={layout.run}/kubectl", "--request-timeout=30s"]
    return [str(layout.bin / "kubectl"), *access, *arguments]


def rights() -> list[dict[str, Any]]:
    """What the API server may ask of kubelets, and what enforces policies of the API server."""
    return [
        _binding("coursehub-apiserver", "system:kubelet-api-admin", {"kind": "User", "name": "coursehub:apiserver"}),
        {
            **_head(f"{RBAC}/v1", "ClusterRole", "coursehub-kube-router", namespace=""),
            "rules": [
                _reads("", "pods", "namespaces", "nodes", "services", "endpoints"),
                _reads("discovery.k8s.io", "endpointslices"),
                _reads("networking.k8s.io", "networkpolicies"),
            ],
        },
        _binding("coursehub-kube-router", "coursehub-kube-router", {"kind": "User", "name": "coursehub:kube-router"}),
    ]


def names(nodes: int) -> list[dict[str, Any]]:
    """Name resolution, from each of so many nodes."""
    return [
        {**_head("v1", "ServiceAccount", "coredns"), "automountServiceAccountToken": True},
        {
            **_head(f"{RBAC}/v1", "ClusterRole", "coredns", namespace=""),
            "rules": [
                {"apiGroups": [""], "resources": ["services", "namespaces", "pods"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        },
        _binding("coredns", "coredns", {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}),
        {**_head("v1", "ConfigMap", "coredns"), "data": {"Corefile": COREFILE}},
        _deployment(nodes),
        {
            **_head("v1", "Service", "kube-dns"),
            "spec": {
                "clusterIP": network.DNS_SERVICE,
                "selector": {"k8s-app": "kube-dns"},
                "ports": [
                    {"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "targetPort": 53, "protocol": "TCP"},
                ],
            },
        },
    ]


def _deployment(nodes: int) -> dict[str, Any]:
    labels = {"k8s-app": "kube-dns"}
    container = {
        "name": "coredns",
        "image": images.reference("coredns"),
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [{"containerPort": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "initialDelaySeconds": 30},
        "resources": {"requests": {"cpu": "10m", "memory": "30Mi"}, "limits": {"memory": "200Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    spread = {
        "topologyKey": "kubernetes.io/hostname",
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": labels},
    }
    return {
        **_head("apps/v1", "Deployment", "coredns"),
        "spec": {
            "replicas": nodes,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "coredns",
                    "priorityClassName": "system-cluster-critical",
                    "dnsPolicy": "Default",
                    "topologySpreadConstraints": [spread],
                    "containers": [container],
                    "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
                },
            },
        },
    }


def _head(version: str, kind: str, name: str, namespace: str = "kube-system") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _reads(group: str, *resources: str) -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": [*resources], "verbs": ["get", "list", "watch"]}


def _binding(name: str, role: str, subject: dict[str, str]) -> dict[str, Any]:
    if subject["kind"] == "User":
        subject = {**subject, "apiGroup": RBAC}
    return {
        **_head(f"{RBAC}/v1", "ClusterRoleBinding", name, namespace=""),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
