"""What the running hub answers through its socket: live courses, people, and why or why not."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from coursehub.config.profiles import Role
from coursehub.hub.accounts import Find
from coursehub.hub.registry import Query
from coursehub.live import state
from coursehub.live.kept import Kept
from coursehub.live.snapshot import Site
from coursehub.people.account import show
from coursehub.servers import explain
from coursehub.servers.site_module import Adjust


class Queries:
    """Plain data from what is live in this process."""

    def __init__(self, site: Site, kept: Kept, find: Find, adjust: Adjust | None) -> None:
        self._site = site
        self._kept = kept
        self._find = find
        self._adjust = adjust

    @property
    def queries(self) -> Mapping[str, Query]:
        """By name."""
        return {"courses": self.courses, "user": self.user, "explain": self.explain}

    async def courses(self) -> dict[str, Any]:
        """Which version of each course is live, since when, and what is wrong with the files."""
        now = self._site.current
        return {
            "generation": now.state.generation,
            "time": now.state.time,
            "failure": now.failure,
            "unsaved": self._kept.unsaved,
            "courses": [asdict(row) for row in state.report(now.state)],
            "problems": [str(problem) for problem in now.problems],
        }

    async def user(self, user: str) -> dict[str, Any]:
        """What the directory answered about somebody, and how long ago."""
        settings = self._site.current.settings
        return await show(self._find(user, settings), user, settings)

    async def explain(self, user: str, course: str | None, role: str | None) -> dict[str, Any]:
        """Whether somebody may start what, why or why not, and what the server would be; raises Refused."""
        now = self._site.current
        person = (await self._find(user, now.settings)).person
        wanted = Role(role) if role else None
        return explain.answer(
            person, now.catalog, now.settings, datetime.now(UTC), course=course, role=wanted, adjust=self._adjust
        )
