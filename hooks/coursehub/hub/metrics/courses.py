"""What is live, as numbers on JupyterHub's own /hub/metrics."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

from coursehub.live.snapshot import Snapshot

from .collector import LiveCollector

# Of the container's own cgroup, as version 2 has it and as version 1 does.
MEMORY = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
# Version 1 has no word for no limit, but a number that no machine has.
_NO_LIMIT = 2**60


class CourseMetrics(LiveCollector):
    """Asks for the live snapshot at each scrape, so that a course that went leaves no number behind."""

    def __init__(
        self, current: Callable[[], Snapshot], unsaved: Callable[[], str | None], memory: Iterable[Path] = MEMORY
    ) -> None:
        self._current = current
        self._unsaved = unsaved
        self._memory = next(filter(None, map(_limit, memory)), None)

    def collect(self) -> Iterator[Metric]:
        """One sample a course where it is about courses."""
        now = self._current()
        yield _gauge("coursehub_courses", "Live courses.", len(now.catalog.courses))
        yield _gauge("coursehub_course_file_problems", "Mistakes in course files and site values.", len(now.problems))
        failed = now.failure is not None or bool(now.problems)
        yield _gauge("coursehub_courses_load_error", "1 where the files could not be used as they are.", failed)
        yield _gauge("coursehub_state_saved", "1 where all that is kept outlasts a restart.", self._unsaved() is None)
        yield _gauge("coursehub_courses_generation", "Grows each time files are taken over.", now.state.generation)
        yield _gauge("coursehub_courses_loaded_timestamp_seconds", "When files were taken over.", now.state.made)
        if self._memory is not None:
            yield _gauge("coursehub_hub_memory_limit_bytes", "Above it the hub is killed.", self._memory)
        info = GaugeMetricFamily("coursehub_course_info", "Which version is live.", labels=["course", "version"])
        stale = GaugeMetricFamily("coursehub_course_stale", "1: stays as it was, for a mistake.", labels=["course"])
        for entry in now.state.entries:
            info.add_metric([entry.slug, entry.version], 1)
            if entry.kept:
                stale.add_metric([entry.slug], 1)
        yield info
        yield stale


def _limit(memory: Path) -> int | None:
    """The bytes in a file of a cgroup; None where there is no limit, or no such file."""
    try:
        found = int(memory.read_text())
    except (OSError, ValueError):
        return None
    return found if found < _NO_LIMIT else None


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=float(value))
