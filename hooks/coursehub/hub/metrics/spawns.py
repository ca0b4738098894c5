"""What the hub's hooks did since it started, counted for /hub/metrics.

Every value of a label is from a closed list or a live course's slug: nobody makes a number by asking for something.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import Counter, Histogram
from prometheus_client.core import Metric

from coursehub.config.profiles import GENERAL_SLUG, Profile
from coursehub.errors import Reason, Refused
from coursehub.hub.failures.record import Failure, Stage

from .collector import LiveCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_FAILURES: dict[Stage, tuple[str, str]] = {
    "start": ("coursehub_spawn_failures", "Servers that did not start; no course for general use."),
    "running": ("coursehub_server_failures", "Servers that ran and ended by a failure; no course for general use."),
}


class Step(StrEnum):
    """What happens between a click and a pod."""

    IDENTITY = "identity"
    PLAN = "plan"
    DIRECTORIES = "directories"
    QUEUE = "queue"
    GATE = "gate"


class Outcome(StrEnum):
    """How a step ended: `refused` is an answer to the person, `failed` is a fault of the site's."""

    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"


class Counters(LiveCollector):
    """Numbers of its own, which a registry asks for; those to alert on are there from the start, as zeros."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._spawns = Counter("coursehub_spawns", "Servers that were planned.", ["course", "role"], registry=None)
        self._refusals = Counter(
            "coursehub_refusals",
            "Starts that were refused; no course where it is none.",
            ["course", "reason"],
            registry=None,
        )
        self._steps = Histogram(
            "coursehub_hook_seconds",
            "Steps of a start in the hub.",
            ["step", "outcome"],
            buckets=_SECONDS,
            registry=None,
        )
        self._requests = Counter(
            "coursehub_provisioner_requests",
            "What the provisioner's service was asked.",
            ["verb", "outcome"],
            registry=None,
        )
        self._failures = {
            stage: Counter(name, about, ["reason", "course"], registry=None)
            for stage, (name, about) in _FAILURES.items()
        }
        for outcome in Outcome:
            for step in Step:
                self._steps.labels(step, outcome)
        for outcome in (Outcome.PASSED, Outcome.FAILED):
            for verb in ("home", "course"):
                self._requests.labels(verb, outcome)

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now."""
        for metric in (self._spawns, self._refusals, self._steps, self._requests, *self._failures.values()):
            yield from metric.collect()

    def planned(self, profile: Profile) -> None:
        """A server was planned, and Kubernetes is asked for it next."""
        self._spawns.labels(profile.course or GENERAL_SLUG, profile.role).inc()

    def refused(self, course: str, reason: Reason) -> None:
        """A start was refused; `course` is a live course's slug, `general`, or nothing."""
        self._refusals.labels(course, reason).inc()

    def failed(self, failure: Failure) -> None:
        """A server did not start, or ran and failed; reasons are the causes of a diagnosis."""
        self._failures[failure.stage].labels(failure.reason, failure.course or "").inc()

    def requested(self, verb: str, outcome: Outcome) -> None:
        """The provisioner's service was asked for directories."""
        self._requests.labels(verb, outcome).inc()

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Counts what is done inside, with its time; what was given up half-way is not counted."""
        begin = self._clock()
        try:
            yield
        except Exception as error:
            answered = isinstance(error, Refused) and not error.reason.trouble
            self._observe(step, Outcome.REFUSED if answered else Outcome.FAILED, begin)
            raise
        self._observe(step, Outcome.PASSED, begin)

    def _observe(self, step: Step, outcome: Outcome, begin: float) -> None:
        self._steps.labels(step, outcome).observe(self._clock() - begin)
