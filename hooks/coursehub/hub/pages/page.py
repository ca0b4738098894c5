"""What the start page shows to somebody: their choices, or what their server is for."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from jupyterhub.utils import url_path_join

from coursehub.config import profiles, timetable
from coursehub.config.catalog import Catalog
from coursehub.config.profiles import Profile
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.hub.accounts import Accounts
from coursehub.hub.failures.recorder import Recorder
from coursehub.hub.notices.feed import Feed
from coursehub.hub.planner import asked
from coursehub.hub.uncopied import Uncopied
from coursehub.live.snapshot import Site
from coursehub.person import Person
from coursehub.servers import access

from . import form


class StartPage(Uncopied):
    """Looks up what the page shows; `link` is the profile's slug in the page's path, None without one."""

    def __init__(self, site: Site, accounts: Accounts, recorder: Recorder, feed: Feed) -> None:
        self._site = site
        self._accounts = accounts
        self._recorder = recorder
        self._feed = feed

    async def options_form(self, spawner: Any) -> str:
        """The choices of the spawner's owner; `?profile=` of /hub/spawn is a link."""
        link = spawner.handler.get_query_argument("profile", None) if spawner.handler else None
        return await self.choices(spawner, link)

    async def choices(self, spawner: Any, link: str | None) -> str:
        """The inside of the form: what `link` leads to is preselected, or a message says why it leads nowhere."""
        snapshot = self._site.current
        zone, now = snapshot.settings.zone, datetime.now(UTC)
        today, courses = snapshot.settings.day(now), url_path_join(spawner.hub.base_url, "courses")
        try:
            person = await self._accounts.owner(spawner, snapshot.settings)
        except Refused as refusal:
            return form.render([], selected=None, message=str(refusal), today=today, courses=courses)
        linked, message = _follow(person, link, snapshot.catalog, today)
        last: Mapping[str, object] | None = spawner.orm_spawner.user_options if spawner.orm_spawner else None
        return form.render(
            list(access.choices(person, snapshot.catalog, today)),
            # Who has never started anything finds the first choice selected, not general use.
            selected=linked.slug if linked else profiles.named(last) if last else None,
            message=message or self._recorder.last_failure(spawner.user.name),
            today=today,
            courses=courses,
            notices=self._feed.of_home(person.name),
            notices_of=self._feed.of_course,
            class_of=lambda course: timetable.said(course, zone, now),
        )

    async def running(self, spawner: Any, link: str | None) -> form.Running:
        """What the server of the spawner's owner is for, and where `link` leads from there."""
        snapshot = self._site.current
        runs, today = spawner.serves, _today(snapshot.settings)
        linked, message = None, None
        if link is not None:
            try:
                person = await self._accounts.owner(spawner, snapshot.settings)
                linked, message = _follow(person, link, snapshot.catalog, today)
            except Refused as refusal:
                message = str(refusal)
        notices = self._feed.of_server(spawner.user.name, runs)
        unknown = form.CHOSEN if spawner.pending == "spawn" else form.GONE
        return form.running(runs, linked, snapshot.catalog, message, today, notices, unknown)


def _follow(person: Person, link: str | None, catalog: Catalog, today: date) -> tuple[Profile | None, str | None]:
    if link is None:
        return None, None
    try:
        return access.follow(person, asked({"profile": link}), catalog, today), None
    except Refused as refusal:
        return None, str(refusal)


def _today(settings: Settings) -> date:
    return settings.day(datetime.now(UTC))
