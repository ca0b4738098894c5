"""Numbers that are made at each scrape."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector


class LiveCollector(Collector):
    """A collector that promises no names: its samples come and go, and one process may register two of a kind."""

    def describe(self) -> Iterator[Metric]:
        """Nothing; without this a registry would collect once to learn the names."""
        yield from ()
