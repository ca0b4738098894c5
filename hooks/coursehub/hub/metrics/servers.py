"""Which pod is a server of which course, on /hub/metrics: by it what cAdvisor measures of a pod becomes a course's."""

from collections.abc import Iterator

from kubespawner import KubeSpawner
from prometheus_client.core import GaugeMetricFamily, Metric

from .collector import LiveCollector

# What each server's pod has, and of the pods of `helm test`, which policies take for servers, none.
OF_SERVERS = {"coursehub/role", "hub.jupyter.org/username"}
# `pod` and `namespace` would be taken for the hub's own.
LABELS = ("server", "server_namespace", "course", "role")


class ServerMetrics(LiveCollector):
    """One sample for each running server, from the pods that KubeSpawner follows anyway; a stopped one leaves none."""

    def collect(self) -> Iterator[Metric]:
        """`course` is empty in general use."""
        info = GaugeMetricFamily("coursehub_server_info", "Which pod is a server of which course.", labels=LABELS)
        for (kind, *_), reflector in list(KubeSpawner.reflectors.items()):
            for pod in list(reflector.resources.values()) if kind == "pods" else ():
                labels = pod["metadata"].get("labels") or {}
                if pod.get("status", {}).get("phase") == "Running" and labels.keys() >= OF_SERVERS:
                    where = (pod["metadata"]["name"], pod["metadata"]["namespace"])
                    info.add_metric([*where, labels.get("coursehub/course", ""), labels["coursehub/role"]], 1)
        yield info
