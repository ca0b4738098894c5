"""What the running hub says when it is asked through its door: live courses, people, and why or why not."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from coursehub.config.profiles import Role
from coursehub.config.settings import Settings
from coursehub.live import state
from coursehub.live.snapshot import Site
from coursehub.people.account import show
from coursehub.people.lookup import Answer
from coursehub.servers import explain
from coursehub.servers.site_module import Adjust

# How the hub finds somebody, with its cache and what it knows of their login; raises Refused.
Find = Callable[[str, Settings], Awaitable[Answer]]
# What answers a question of its own, whose other keys are its arguments.
Question = Callable[..., Awaitable[object]]


class Answers:
    """Plain data from what is live in this process."""

    def __init__(
        self, site: Site, find: Find, adjust: Adjust | None, more: Mapping[str, Question] | None = None
    ) -> None:
        self._site = site
        self._find = find
        self._adjust = adjust
        self._more = more or {}

    async def __call__(self, question: dict[str, Any]) -> object:
        """The answer to {"ask": "courses"}, {"ask": "user", "user": ...}, {"ask": "explain", ...} or one of `more`."""
        match question.pop("ask"):
            case "courses":
                return self.courses()
            case "user":
                return await self.user(**question)
            case "explain":
                return await self.explain(**question)
            case other if other in self._more:
                return await self._more[other](**question)
            case other:
                raise ValueError(f"{other!r} is no question of this hub's version")

    def courses(self) -> dict[str, Any]:
        """Which version of each course is live, since when, and what is wrong with the files."""
        now = self._site.current
        return {
            "generation": now.state.generation,
            "time": now.state.time,
            "failure": now.failure,
            "unsaved": now.unsaved,
            "courses": [asdict(row) for row in state.report(now.state)],
            "problems": [str(problem) for problem in now.problems],
        }

    async def user(self, user: str) -> dict[str, Any]:
        """What the directory said of somebody, and how long ago."""
        settings = self._site.current.settings
        return await show(self._find(user, settings), user, settings)

    async def explain(self, user: str, course: str | None, role: str | None) -> dict[str, Any]:
        """Whether somebody may start what, why or why not, and what the server would be; raises Refused."""
        now = self._site.current
        person = (await self._find(user, now.settings)).person
        today = now.settings.day(datetime.now(UTC))
        asked = Role(role) if role else None
        return explain.answer(person, now.catalog, now.settings, today, course=course, role=asked, adjust=self._adjust)
