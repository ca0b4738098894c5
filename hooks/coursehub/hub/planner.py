"""The plan of a start: who starts what, whether they may, and whether their directories are there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from coursehub.config import profiles
from coursehub.config.course import Course
from coursehub.config.profiles import Profile, Role
from coursehub.config.settings import Settings
from coursehub.errors import Reason, Refused
from coursehub.live.snapshot import Site, Snapshot
from coursehub.person import Person
from coursehub.servers import access, plan, site_module
from coursehub.servers.plan import PodPlan
from coursehub.servers.site_module import Adjust

from .accounts import Accounts
from .metrics.spawns import Counters, Step
from .uncopied import Uncopied
from .volume.directories import Directories


def asked(user_options: Mapping[str, object]) -> Profile:
    """The profile that a form, a link or the REST API asked for; general use where none was named. Raises Refused."""
    profile = profiles.of(user_options)
    if profile is None:
        slug = str(user_options.get("profile"))[:80]
        raise Refused(f"There is no choice {slug!r}. Choose one on the start page.", Reason.CHOICE)
    return profile


@dataclass(frozen=True)
class Decided:
    """What somebody may start, by the settings and the course files of that moment; its directories may be missing."""

    plan: PodPlan
    course: Course | None
    settings: Settings
    today: date


class Planner(Uncopied):
    """Plans from what is live, with the site's own `adjust`, and counts the steps."""

    def __init__(
        self, site: Site, accounts: Accounts, directories: Directories, counters: Counters, adjust: Adjust | None = None
    ) -> None:
        self._site = site
        self._accounts = accounts
        self._directories = directories
        self._counters = counters
        self._adjust = adjust

    async def decide(self, spawner: Any) -> Decided:
        """What the spawner's owner asked for and may start now; raises Refused or GateClosed. No directory is asked."""
        snapshot, today = self._now()
        with self._counters.step(Step.IDENTITY):
            person = await self._accounts.owner(spawner, snapshot.settings)
        with self._counters.step(Step.PLAN):
            profile = asked(spawner.user_options)
            course = access.decide(person, profile, snapshot.catalog, today)
            return await self._make(person, profile, course, snapshot.settings, today)

    async def prepare(self, decided: Decided) -> None:
        """Returns once the plan's directories are there; raises Refused."""
        with self._counters.step(Step.DIRECTORIES):
            await self._prepare(decided)

    async def grading(self, spawner: Any, slug: str) -> PodPlan:
        """The plan of the server in which the spawner's owner would grade the course, by the rules of a start.

        It counts as no start. Raises Refused or GateClosed.
        """
        snapshot, today = self._now()
        person, profile, course = await self._grader(spawner, slug, snapshot, today)
        decided = await self._make(person, profile, course, snapshot.settings, today)
        await self._prepare(decided)
        return decided.plan

    async def may_grade(self, spawner: Any, slug: str) -> Course:
        """The course, which the spawner's owner may grade now; raises Refused."""
        snapshot, today = self._now()
        await self._grader(spawner, slug, snapshot, today)
        return snapshot.catalog.courses[slug]

    async def _grader(
        self, spawner: Any, slug: str, snapshot: Snapshot, today: date
    ) -> tuple[Person, Profile, Course | None]:
        person = await self._accounts.owner(spawner, snapshot.settings)
        profile = Profile(Role.GRADING, slug)
        return person, profile, access.decide(person, profile, snapshot.catalog, today)

    async def _make(
        self, person: Person, profile: Profile, course: Course | None, settings: Settings, today: date
    ) -> Decided:
        planned = plan.make(person, profile, course, settings, today)
        if self._adjust is not None:
            # Code that is not ours: never on the event loop.
            planned = await asyncio.to_thread(site_module.adjusted, planned, self._adjust, settings)
        return Decided(planned, course, settings, today)

    async def _prepare(self, decided: Decided) -> None:
        await self._directories.prepare(decided.plan, decided.course, decided.settings, decided.today)

    def _now(self) -> tuple[Snapshot, date]:
        snapshot = self._site.current
        return snapshot, snapshot.settings.day(datetime.now(UTC))

    def label(self, user_options: object) -> str:
        """The live course that was asked for, `general`, or nothing: what anybody can write is no metric's label."""
        profile = profiles.of(user_options)
        if profile is None:
            return ""
        if profile.course is None:
            return profiles.GENERAL_SLUG
        return profile.course if profile.course in self._site.current.catalog.courses else ""
