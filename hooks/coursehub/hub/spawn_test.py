"""The hub's side of the spawn test: whose turn it is, and the results, kept over a restart and on /hub/metrics."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from prometheus_client.core import GaugeMetricFamily, Metric
from pydantic import TypeAdapter, ValidationError
from tornado import web

from coursehub.config.profiles import GENERAL, GENERAL_SLUG, Profile, Role
from coursehub.errors import Refused
from coursehub.live.kept import CannotKeep, Kept
from coursehub.live.snapshot import Site, Snapshot
from coursehub.log import Log
from coursehub.servers import access
from coursehub.servers.explain import explain
from coursehub.servers.plan import PodPlan
from coursehub.servers.site_module import Adjust
from coursehub.spawntest import rules
from coursehub.spawntest.rules import Report, Result, ServerView, Turn

from .accounts import Find
from .metrics.collector import LiveCollector
from .registry import Registry
from .uncopied import Uncopied

PATH = r"/coursehub/spawn-test"
# The service of the chart's values whose token the test has, and the hub's group that its scopes are about.
SERVICE = GROUP = "coursehub-spawn-test"
# Longer than a try can take.
TOKEN_SECONDS = 1800
NAME = "spawn-test.json"
_RESULTS = TypeAdapter(tuple[Result, ...])


def view(plan: PodPlan) -> ServerView:
    """What the plan promises of the server."""
    return ServerView(
        uid=plan.uid,
        gid=plan.gid,
        groups=frozenset({plan.gid, *plan.supplementary_gids}),
        mounts={mount.path: mount.read_only for mount in plan.mounts},
    )


class SpawnTests(Uncopied, LiveCollector):
    """The last result of each course, over a restart too; a course that went leaves nothing behind."""

    def __init__(
        self, current: Callable[[], Snapshot], find: Find, kept: Kept, log: Log, adjust: Adjust | None = None
    ) -> None:
        self._current = current
        self._find = find
        self._adjust = adjust
        self._kept = kept
        try:
            content = kept.read(NAME)
            found = () if content is None else _RESULTS.validate_json(content)
            self._results = {result.course: result for result in found}
        except (CannotKeep, ValidationError) as error:
            log.error("What the spawn test found before is not known: %s", error)
            self._results = {}

    @property
    def person(self) -> str | None:
        """As whom servers are tried; None where the test is off."""
        wanted = self._current().settings.spawn_test
        return None if wanted is None else wanted.person

    @property
    def results(self) -> Mapping[str, Result]:
        """The last result of each live course, and of `general`."""
        live = self._current().catalog.courses
        return {slug: result for slug, result in self._results.items() if slug in live or slug == GENERAL_SLUG}

    @property
    def latest(self) -> Result | None:
        """What was found last."""
        return max(self.results.values(), key=lambda result: result.at, default=None)

    def status(self) -> Mapping[str, object] | None:
        """The same as plain data."""
        return self.latest.model_dump() if self.latest else None

    async def turn(self, name: str) -> Turn:
        """What `name` is to try now; where the directory does not have them, the refusal of general use."""
        now = self._current()
        today = now.settings.day(datetime.now(UTC))
        try:
            person = (await self._find(name, now.settings)).person
        except Refused as refusal:
            return Turn(user=name, course=GENERAL_SLUG, refusal=str(refusal))
        courses = [
            choice.profile.slug
            for choice in access.choices(person, now.catalog, today)
            if choice.refusal is None and choice.profile.role in (Role.STUDENT, Role.GENERAL)
        ]
        slug = rules.following(courses, self.results)
        profile = GENERAL if slug == GENERAL_SLUG else Profile(Role.STUDENT, slug)
        # A site's own code may run in it.
        answer = await asyncio.to_thread(explain, person, profile, now.catalog, now.settings, today, self._adjust)
        if answer.plan is None:
            return Turn(user=name, course=slug, refusal=answer.sentence)
        return Turn(user=name, course=slug, expected=view(answer.plan))

    async def record(self, report: Report) -> None:
        """Keeps the report."""
        result = Result(**report.model_dump(), at=time.time())
        self._results = {**self.results, report.course: result}
        await asyncio.to_thread(self._kept.keep, NAME, _RESULTS.dump_json(tuple(self._results.values()), indent=1))

    def collect(self) -> Iterator[Metric]:
        """One sample a tried course; `wanted` says whether there should be any."""
        wanted = GaugeMetricFamily("coursehub_spawn_test_wanted", "1 where the spawn test is on.")
        wanted.add_metric([], float(self.person is not None))
        ok = GaugeMetricFamily("coursehub_spawn_test_success", "1 where the last one was well.", labels=["course"])
        at = GaugeMetricFamily("coursehub_spawn_test_timestamp_seconds", "When the last one was.", labels=["course"])
        took = GaugeMetricFamily("coursehub_spawn_test_seconds", "How long the last one took.", labels=["course"])
        for slug, result in self.results.items():
            for family, value in ((ok, float(result.ok)), (at, result.at), (took, result.seconds)):
                family.add_metric([slug], value)
        yield from (wanted, ok, at, took)


class SpawnTestHandler(APIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """GET answers what to try, POST takes the report; for the test's own service alone."""

    def initialize(self, spawn_tests: SpawnTests) -> None:
        """`spawn_tests` keeps the results."""
        self._spawn_tests = spawn_tests

    async def get(self) -> None:
        """The next turn, as the person of the values, whom the hub knows from here on."""
        person = self._allowed()
        user = self.user_from_username(person)
        group = orm.Group.find(self.db, GROUP) or orm.Group(name=GROUP)
        self.db.add(group)
        # The service's scopes are about whoever is in it.
        group.users = [user.orm_user]
        self.db.commit()
        turn = await self._spawn_tests.turn(person)
        # A server does not know its owner's groups, so what the service's scopes say of one opens none.
        scopes = [f"access:servers!user={person}"]
        token = user.new_api_token(note="spawn test", scopes=scopes, expires_in=TOKEN_SECONDS)
        self.write(turn.model_copy(update={"server": user.server_url(""), "token": token}).model_dump_json())

    async def post(self) -> None:
        """A Report about a live course."""
        self._allowed()
        try:
            await self._spawn_tests.record(Report.model_validate_json(self.request.body))
        except ValidationError as error:
            raise web.HTTPError(400, f"This is no report: {error.errors()[0]['msg']}") from None
        self.set_status(204)

    def _allowed(self) -> str:
        asker: Any = self.current_user
        if not isinstance(asker, orm.Service) or asker.name != SERVICE:
            raise web.HTTPError(403, f"Only the service {SERVICE} may ask.")
        if self._spawn_tests.person is None:
            raise web.HTTPError(404, "The spawn test is off; monitoring.spawnTest.enabled turns it on.")
        return self._spawn_tests.person


def register(registry: Registry, site: Site, find: Find, adjust: Adjust | None, kept: Kept, log: Log) -> SpawnTests:
    """The spawn test can ask and report, and its results are on /hub/metrics."""
    spawn_tests = SpawnTests(lambda: site.current, find, kept, log, adjust)
    registry.handle(PATH, SpawnTestHandler, spawn_tests=spawn_tests)
    registry.measure(spawn_tests)
    return spawn_tests
