"""How often servers failed, as numbers on JupyterHub's own /hub/metrics."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from .failure import Failure, Stage

_ABOUT: dict[Stage, tuple[str, str]] = {
    "start": ("coursehub_spawn_failures", "Servers that did not start."),
    "running": ("coursehub_server_failures", "Servers that ran and ended by a failure."),
}


class Tally(Collector):
    """Counts since the hub started; reasons are those of Trouble, courses those that a server was planned for."""

    def __init__(self) -> None:
        self._counted: dict[Stage, Counter[tuple[str, str]]] = {stage: Counter() for stage in _ABOUT}

    def add(self, failure: Failure) -> None:
        """Counts one more."""
        self._counted[failure.stage][failure.reason, failure.course or ""] += 1

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is depends on what failed."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """One sample a reason and course; general use has no course's name."""
        for stage, (name, about) in _ABOUT.items():
            family = CounterMetricFamily(name, about, labels=["reason", "course"])
            for labels, number in self._counted[stage].items():
                family.add_metric(labels, number)
            yield family
