"""Who starts when: each start waits for its turn before anything is made of it, so that the first are there at once.

A turn ends when the server is ready or has failed, and sooner where it waits for something else than the processor
(room, an image, a mount): others may start meanwhile. None of JupyterHub's own times counts before the turn. Who waits
is kept over a restart of the hub, which then asks for their servers again, and everybody has their old place. So is
whoever has their turn and no server yet.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from jupyterhub.app import JupyterHub
from jupyterhub.utils import url_escape_path, url_path_join
from prometheus_client.core import GaugeMetricFamily, Metric
from pydantic import TypeAdapter, ValidationError
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from coursehub.config.settings import StartsAtOnce
from coursehub.errors import Reason, Refused
from coursehub.live.kept import CannotKeep, Kept
from coursehub.live.snapshot import Site
from coursehub.log import Log
from coursehub.servers.pace import Pace
from coursehub.servers.queue import Queue, Waiting

from .metrics.collector import LiveCollector
from .registry import Registry
from .uncopied import Uncopied

NAME = "start-queue.json"
# Seconds that a place is kept for whoever has left the page of their start.
LEFT = 60.0
# Seconds after which others go on, whatever a start does with its turn.
LONGEST = 60.0
# Seconds between two looks at a place, and until it is said again to a page that would else not be known to be there.
_LOOK, _AGAIN, _PLANNED = 1.0, 10.0, 0.05
_ASKED_AT_ONCE, _TOKEN_SECONDS, _ANSWER = 8, 600, 60.0


@dataclass(frozen=True)
class _Turn:
    """A start in work: since when, by the loop's clock, and whose."""

    began: float
    whose: Waiting


@dataclass(frozen=True)
class _NotReady:
    """Who has asked and has no server yet."""

    starting: tuple[Waiting, ...] = ()
    waiting: tuple[Waiting, ...] = ()


_NOT_READY = TypeAdapter(_NotReady)


class StartQueue(Uncopied, LiveCollector):
    """The one queue of the hub's process; names are those of people, each of whom has one server."""

    def __init__(self, bounds: Callable[[], StartsAtOnce], kept: Kept, log: Log) -> None:
        self._bounds = bounds
        self._kept = kept
        self._log = log
        before = self._read()
        self._queue = Queue((*before.starting, *before.waiting))
        self._before = [each.name for each in self._queue.order]
        # Those who waited and whose server is not asked for again yet: whoever is behind them does not come first.
        # What was under way may need long to come to its end, and holds up nobody.
        self._expected = {each.name for each in before.waiting}
        self._written = _NOT_READY.dump_json(before)
        self._pace = Pace()
        self._asking: dict[str, asyncio.Future[None]] = {}
        self._turns: dict[str, _Turn] = {}
        self._had_turn: WeakSet[asyncio.Future[Any]] = WeakSet()
        self._watching: Counter[str] = Counter()
        self._changed = asyncio.Event()

    async def turn(self, name: str, profile: str, start: asyncio.Future[Any]) -> bool:
        """Returns when it is the person's turn to start this, and whether they had to wait; it ends with their start.

        Raises Refused where they go before it is.
        """
        self._queue.enter(name, profile)
        turn = self._asking[name] = asyncio.get_running_loop().create_future()
        self._expected.discard(name)
        self._call()
        waited = not turn.done()
        self._changed.set()
        try:
            await turn
        except BaseException:
            self.give_back(name)
            raise
        finally:
            self._asking.pop(name, None)
            self._queue.leave(name)
        self._had_turn.add(start)
        start.add_done_callback(lambda _: self.give_back(name))
        return waited

    def leave(self, name: str) -> bool:
        """The person waits no more; False where they did not."""
        turn = self._asking.get(name)
        if turn is None or turn.done():
            return False
        turn.set_exception(Refused("You left the queue, so your server was not started.", Reason.LEFT))
        return True

    def give_back(self, name: str, *, early: bool = False) -> None:
        """The person's turn is over, where they have one; `early` where their start goes on without the processor."""
        turn = self._turns.pop(name, None)
        if turn is None:
            return
        if not early:
            self._pace.ended(asyncio.get_running_loop().time() - turn.began)
        self._call()
        self._changed.set()

    def booted(self, name: str, image: str, seconds: float) -> None:
        """The person's server ran so long before it answered."""
        if name in self._turns:
            self._pace.booted(image, seconds, len(self._turns) - 1)

    async def told(self, name: str, start: asyncio.Future[Any]) -> AsyncGenerator[dict[str, Any], None]:
        """What the page of a start shows until it has its turn: `place` in the queue, and `seconds` where known."""
        with self._watched(name):
            last, since = (0, 0), 0.0
            while start not in self._had_turn and not start.done():
                place, waiting, loop = self._queue.place(name), len(self._queue), asyncio.get_running_loop()
                if place and ((place, waiting) != last or loop.time() - since >= _AGAIN):
                    last, since = (place, waiting), loop.time()
                    yield {
                        "progress": 0,
                        "message": f"You are number {place} of {waiting} who wait for their turn.",
                        "place": place,
                        "seconds": self._pace.wait(place),
                    }
                # Before it has its place, the start is still planned, and that is soon over.
                await asyncio.sleep(_LOOK if place else _PLANNED)

    def collect(self) -> Iterator[Metric]:
        """How many wait, start, and may start at once."""
        bounds = self._bounds()
        for name, about, number in (
            ("waiting", "Starts that wait for their turn.", len(self._queue)),
            ("starting", "Starts that have their turn.", len(self._turns)),
            ("at_once", "Starts that may have it at once.", self._pace.at_once(bounds.least, bounds.most)),
        ):
            family = GaugeMetricFamily(f"coursehub_start_queue_{name}", about)
            family.add_metric([], number)
            yield family

    async def follow(self) -> None:
        """Keeps who waits from the hub's start to its end; first asks for the servers of who waited before."""
        if JupyterHub.initialized():
            app = JupyterHub.instance()
            await app._start_future
            await self._resume(app)
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._write()

    def _call(self) -> None:
        """Gives turns to the next, as many as may start."""
        bounds, loop = self._bounds(), asyncio.get_running_loop()
        ready = {name for name, turn in self._asking.items() if not turn.done()}
        while len(self._turns) < self._pace.at_once(bounds.least, bounds.most):
            first = self._queue.next(ready, self._expected)
            if first is None:
                return
            turn = self._turns[first.name] = _Turn(loop.time(), first)
            loop.call_later(LONGEST, self._end, turn)
            self._asking[first.name].set_result(None)

    def _end(self, turn: _Turn) -> None:
        if self._turns.get(turn.whose.name) is turn:
            self.give_back(turn.whose.name, early=True)

    @contextmanager
    def _watched(self, name: str) -> Iterator[None]:
        self._watching[name] += 1
        try:
            yield
        finally:
            self._watching[name] -= 1
            if not self._watching[name]:
                del self._watching[name]
                asyncio.get_running_loop().call_later(LEFT, self._gone, name, self._asking.get(name))

    def _gone(self, name: str, turn: asyncio.Future[None] | None) -> None:
        """The person has not come back; another start of theirs would be another `turn`."""
        if turn is not None and turn is self._asking.get(name) and not turn.done() and name not in self._watching:
            sentence = "You were away for a minute, and your turn went to the next. Please start your server again."
            turn.set_exception(Refused(sentence, Reason.LEFT))

    def _read(self) -> _NotReady:
        try:
            content = self._kept.read(NAME)
            return _NotReady() if content is None else _NOT_READY.validate_json(content)
        except (CannotKeep, ValidationError) as error:
            self._log.error("Who waited for their start is not known: %s", error)
            return _NotReady()

    async def _resume(self, app: Any) -> None:
        """Asks for the servers of who had none yet when the hub ended; whose page does not come back has left."""
        if self._before:
            self._log.info("The start queue goes on with %d who waited before the hub's restart", len(self._before))
        at_once = asyncio.Semaphore(_ASKED_AT_ONCE)
        before = [each for each in self._queue.order if each.name in self._before]
        await asyncio.gather(*(self._again(app, each, at_once) for each in before))
        for name in self._before:
            if name in self._asking:
                asyncio.get_running_loop().call_later(LEFT, self._gone, name, self._asking[name])
            else:
                self._queue.leave(name)
        self._changed.set()

    async def _again(self, app: Any, whose: Waiting, at_once: asyncio.Semaphore) -> None:
        """The person's server is asked for, where they have none."""
        try:
            user = app.users.get(whose.name)
            # JupyterHub looks whether a start that was under way came to an end.
            while user is not None and user.spawner.pending == "check":  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(_LOOK)
            if user is not None and not user.spawner.active:
                async with at_once:
                    await self._ask(app, user, whose)
        finally:
            self._expected.discard(whose.name)
            self._call()

    async def _ask(self, app: Any, user: Any, whose: Waiting) -> None:
        """By the person's own right, as they asked before."""
        scopes = [f"servers!user={whose.name}"]
        token = user.new_api_token(note="start queue", scopes=scopes, expires_in=_TOKEN_SECONDS)
        path = url_path_join(app.hub.base_url, "api/users", url_escape_path(whose.name), "server")
        request = HTTPRequest(
            f"http://127.0.0.1:{app.hub.port}{path}",
            method="POST",
            body=json.dumps({"profile": whose.group}),
            headers={"Authorization": f"token {token}"},
            request_timeout=_ANSWER,
        )
        try:
            await AsyncHTTPClient().fetch(request)
        except (OSError, HTTPClientError) as error:
            self._log.warning("The start of %s, who waited before the hub's restart, failed: %s", whose.name, error)
        # The answer may come while the start is still planned, when it has not asked for its turn.
        while (start := user.spawner._spawn_future) is not None and not self._came(whose.name, start):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(_PLANNED)

    def _came(self, name: str, start: asyncio.Future[Any]) -> bool:
        """Whether the start has asked for its turn, or needs none any more."""
        return name in self._asking or start in self._had_turn or start.done()

    async def _write(self) -> None:
        starting = tuple(turn.whose for turn in self._turns.values())
        content = _NOT_READY.dump_json(_NotReady(starting, tuple(self._queue.order)))
        if content != self._written:
            await asyncio.to_thread(self._kept.keep, NAME, content)
            self._written = content


def register(registry: Registry, site: Site, kept: Kept, log: Log) -> StartQueue:
    """The queue, with its numbers on /hub/metrics."""
    queue = StartQueue(lambda: site.current.settings.servers.starts_at_once, kept, log)
    registry.measure(queue)
    registry.run(queue.follow())
    return queue
