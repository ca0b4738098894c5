"""Room for a class: placeholders, from before it until after its begin, for who is expected and has no server yet.

Which there are is what Kubernetes says of them, so a hub that restarts goes on with them. Outside of classes nothing is
asked. Where the hub may make none, it says so once, and servers start as they would without.

A placeholder goes before the pod of a server is made. Its priority would give way too, but of several pods that preempt
in one moment the scheduler can forget one for five minutes (github.com/kubernetes/kubernetes/issues/141694). So near
the begin there are only placeholders that have room, since others would take what is given up; and a pod that comes and
goes reminds the scheduler of a server that was forgotten.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Never

from prometheus_client.core import GaugeMetricFamily, Metric

from coursehub.config import timetable
from coursehub.config.profiles import Role
from coursehub.errors import CoursehubError, Refused
from coursehub.live.snapshot import Site, Snapshot
from coursehub.log import Log
from coursehub.servers import placeholder, room
from coursehub.servers.execution import ROLE
from coursehub.servers.manifest import Frame
from coursehub.servers.placeholder import COURSE, PLACEHOLDER

from .metrics.collector import LiveCollector
from .pods import NoAnswer, Pods, shared
from .registry import Registry
from .uncopied import Uncopied

# Seconds between two looks, and after one that failed.
EVERY, AGAIN = 5.0, 60.0
# The part of the time before a class in which none are made any more, and those without room go.
_NEAR = 1 / 6
# For so long at most a reminder is there, where no hub is left to remove it.
_REMINDER = timedelta(minutes=1)
# At a look, so that a large class does not take the cluster's breath; and requests to the API at once.
_MOST_MADE, _AT_ONCE = 40, 8

Pod = dict[str, Any]


@dataclass(frozen=True)
class _Class:
    """How many are expected of a course, until when room is kept, and whether it is near."""

    expected: int
    until: datetime
    near: bool


class Classroom(Uncopied, LiveCollector):
    """The placeholders of all courses."""

    def __init__(
        self,
        current: Callable[[], Snapshot],
        frame: Frame,
        pods: Pods,
        log: Log,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._current = current
        self._frame = frame
        self._pods = pods
        self._log = log
        self._clock = clock
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        # An earlier hub may have left some.
        self._any = True
        self._said = ""
        # By course, those on a node that nobody has been given yet.
        self._free: dict[str, list[str]] = {}
        # Servers that a placeholder gave way to, and whose pods need not be there yet: of which course each is.
        self._coming: dict[str, str] = {}
        # By course: for how many people there is room, and for how many others there should be.
        self._held: dict[str, tuple[int, int]] = {}

    def collect(self) -> Iterator[Metric]:
        """How many placeholders are on a node, and how many more there should be."""
        family = GaugeMetricFamily(
            "coursehub_class_placeholders", "Placeholders for a class.", labels=["course", "state"]
        )
        for course, (held, missing) in self._held.items():
            family.add_metric([course, "held"], held)
            family.add_metric([course, "missing"], missing)
        yield family

    async def give_way(self, course: str | None, server: str, start: asyncio.Future[Any]) -> None:
        """Returns once there is room for the pod `server` of the `start`, where a placeholder of its course had it."""
        free = self._free.get(str(course))
        if not free:
            return
        self._coming[server] = str(course)
        start.add_done_callback(lambda _: self._coming.pop(server, None))
        try:
            while free and not await self._pods.remove(free.pop()):
                pass
        except Exception as error:  # noqa: BLE001 - a start goes on, whatever the cluster does
            self._log.warning("A placeholder of %s did not give way: %s", course, error)

    async def follow(self) -> Never:
        """Looks again and again until the hub ends."""
        while True:
            looked = await self.look()
            await asyncio.sleep(EVERY if looked else AGAIN)

    async def look(self) -> bool:
        """Makes and removes what has to be; False where that failed."""
        try:
            await self._look()
        except Exception as error:  # noqa: BLE001 - it goes on, whatever the cluster does
            self._held = {}
            self._say(f"There are no placeholders for classes: {error}")
            return False
        return True

    async def _look(self) -> None:
        now, snapshot = self._clock(), self._current()
        classes = self._classes(now, snapshot)
        if not classes and not self._any:
            return
        found = await self._pods.chosen(ROLE)
        students = [pod for pod in found if _role(pod) == Role.STUDENT and not room.ended(pod)]
        servers = Counter((self._coming | {_name(pod): _course(pod) for pod in students}).values())
        placeholders = [pod for pod in found if _role(pod) == PLACEHOLDER]
        there: dict[str, list[Pod]] = {}
        for pod in placeholders:
            if not room.ended(pod) and "deletionTimestamp" not in pod["metadata"]:
                there.setdefault(_course(pod), []).append(pod)
        wanted, left = {}, snapshot.settings.classes.most
        for course, each in classes.items():
            most = sum(map(_is_placed, there.get(course, []))) if each.near else each.expected
            wanted[course] = min(max(0, each.expected - servers[course]), most, left)
            left -= wanted[course]
        too_many = [pod for course, pods in there.items() for pod in _surplus(pods, wanted.get(course, 0))]
        going = {_name(pod) for pod in (*filter(room.ended, placeholders), *too_many)}
        self._free = {
            course: [_name(pod) for pod in pods if _is_placed(pod) and _name(pod) not in going]
            for course, pods in there.items()
        }
        await self._all(map(self._pods.remove, going))
        for node in filter(None, set(map(_nominated, found))):
            await self._remind(node, next(iter(classes), None), now, snapshot)
        held = {course: min(number, sum(map(_is_placed, there.get(course, [])))) for course, number in wanted.items()}
        self._held = {course: (held[course], wanted[course] - held[course]) for course in wanted}
        lacking = [
            pod
            for course, number in wanted.items()
            for pod in self._made_of(course, number - len(there.get(course, [])), classes[course].until, now, snapshot)
        ]
        self._any = bool(classes or placeholders)
        await self._all(self._pods.make(pod) for pod in lacking[:_MOST_MADE])

    def _classes(self, now: datetime, snapshot: Snapshot) -> dict[str, _Class]:
        """Those for which there is room to be kept now, by course."""
        settings = snapshot.settings
        lead, keep = (timedelta(seconds=each) for each in (settings.classes.lead, settings.classes.keep))
        classes: dict[str, _Class] = {}
        if settings.classes.most == 0:
            return classes
        for held in timetable.occurrences(snapshot.catalog.courses.values(), settings.zone, now, now + lead):
            until = min(held.begin + keep, held.end)
            if now < until:
                other = classes.get(held.course, _Class(0, until, near=True))
                near = other.near and now >= held.begin - lead * _NEAR
                classes[held.course] = _Class(max(held.expected, other.expected), max(until, other.until), near)
        return classes

    def _made_of(self, course: str, number: int, until: datetime, now: datetime, snapshot: Snapshot) -> Iterator[Pod]:
        settings = snapshot.settings
        if number > 0:
            try:
                server = placeholder.planned(snapshot.catalog.courses[course], settings, settings.day(now))
            except Refused as refused:
                self._say(f"There are no placeholders for classes of {course}: {refused}")
                return
            for _ in range(number):
                yield placeholder.pod(server, self._frame, now, until)

    async def _remind(self, node: str, course: str | None, now: datetime, snapshot: Snapshot) -> None:
        """Room is given up on the node, which is told to whoever waits for it."""
        for pod in [] if course is None else self._made_of(course, 1, now + _REMINDER, now, snapshot):
            made = await self._pods.make(placeholder.reminder(pod, node))
            await self._pods.remove(_name(made))

    async def _all(self, requests: Iterable[Awaitable[object]]) -> None:
        """All of them, a few at once; the first that failed is raised, and with it the others are not begun."""
        failed: list[CoursehubError] = []

        async def one(request: Awaitable[object]) -> None:
            async with self._at_once:
                try:
                    if not failed:
                        await request
                    elif asyncio.iscoroutine(request):
                        request.close()
                except NoAnswer as error:
                    failed.append(error)

        await asyncio.gather(*map(one, requests))
        if failed:
            raise failed[0]

    def _say(self, sentence: str) -> None:
        """A warning, once."""
        if sentence != self._said:
            self._log.warning("%s", sentence)
            self._said = sentence


def _role(pod: Pod) -> str:
    return str(pod["metadata"]["labels"].get(ROLE))


def _course(pod: Pod) -> str:
    return str(pod["metadata"]["labels"].get(COURSE))


def _name(pod: Pod) -> str:
    return str(pod["metadata"]["name"])


def _is_placed(pod: Pod) -> bool:
    return bool(pod["spec"].get("nodeName"))


def _nominated(pod: Pod) -> str | None:
    """The node where others gave way to this pod, which is not there yet."""
    return None if _is_placed(pod) else pod["status"].get("nominatedNodeName")


def _surplus(pods: list[Pod], wanted: int) -> list[Pod]:
    """Those beyond `wanted`; one that has no room itself goes first."""
    return sorted(pods, key=_is_placed)[: max(0, len(pods) - wanted)]


def register(c: Any, registry: Registry, site: Site, frame: Frame, log: Log) -> Classroom:
    """The placeholders, with their numbers on /hub/metrics."""
    classroom = Classroom(lambda: site.current, frame, Pods(shared(c), frame.namespace), log)
    registry.measure(classroom)
    registry.run(classroom.follow())
    return classroom
