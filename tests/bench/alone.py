"""What measures on the local cluster, as a command of its own."""

from collections.abc import Callable

from tests.e2e.cluster import Installation

from .measure import machine


def alone(measure: Callable[[Installation], str]) -> int:
    """Measures this alone."""
    print(machine())
    print(measure(Installation.here()))
    return 0
