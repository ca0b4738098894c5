"""What measures on the local cluster, as a command of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.e2e.assignment import COURSE, clear
from tests.e2e.cluster import Installation
from tests.e2e.person import Person

from .measure import machine


def alone(measure: Callable[[Installation], str]) -> int:
    """Measures this alone."""
    print(machine())
    print(measure(Installation.here()))
    return 0


@contextmanager
def teaching(installation: Installation) -> Iterator[Person]:
    """An instructor whose server runs; the course is empty before and after."""
    teacher = Person(installation.url, "peter", installation.password)
    teacher.stop()
    clear(installation)
    try:
        teacher.start(f"{COURSE}--instructor")
        yield teacher
    finally:
        teacher.stop()
        clear(installation)
