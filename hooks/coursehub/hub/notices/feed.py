"""Which notices are for whom: announcements, and warnings of what is nearly full; and the address at which servers ask.

GET /hub/coursehub/notes answers a server's own token with the notices for that server. Hundreds ask each minute, so the
answer comes from memory, and the question is written down nowhere: it is nobody's activity.
"""

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from coursehub.config.profiles import Profile
from coursehub.config.settings import Settings
from coursehub.hub.own_token import OwnTokenHandler
from coursehub.hub.registry import Registry
from coursehub.hub.uncopied import Uncopied
from coursehub.hub.usage.poll import UsagePoll
from coursehub.live.kept import Kept
from coursehub.live.snapshot import Site
from coursehub.log import Log

from . import fullness, notice
from .notice import Notice
from .queries import AnnouncementQueries
from .store import AnnouncementStore

PATH = r"/coursehub/notes"


class Feed(Uncopied):
    """Every notice, as it is now."""

    def __init__(self, current: Callable[[], Settings], store: AnnouncementStore, poll: UsagePoll) -> None:
        self._current = current
        self._store = store
        self._poll = poll

    def banner(self, _: Any) -> Markup:
        """The site's announcement, for each of the hub's pages."""
        return notice.html(self._announced(None))

    def of_course(self, slug: str) -> Sequence[Notice]:
        """The course's announcement, for its entry among the choices."""
        return self._announced(slug)

    def of_home(self, name: str) -> Sequence[Notice]:
        """The warning for the owner of a home."""
        picture = self._poll.picture
        found = fullness.home_notice(picture.homes.get(name), self._current().usage.warn) if picture else None
        return (found,) if found else ()

    def in_server(self, name: str, profile: Profile | None) -> Sequence[Notice]:
        """What the server of `name` that was started as `profile` shows."""
        return [*self._announced(None), *self.of_server(name, profile)]

    def of_server(self, name: str, profile: Profile | None) -> Sequence[Notice]:
        """The same without the site's announcement, which each of the hub's pages has anyway."""
        found = [*self.of_home(name)]
        if profile is not None and profile.course is not None:
            found += self._announced(profile.course)
            picture = self._poll.picture
            if profile.role.teaches and picture:
                use = picture.courses.get(profile.course)
                full = fullness.course_notice(profile.course, use, self._current().usage.warn)
                found += [full] if full else []
        return found

    def _announced(self, course: str | None) -> Sequence[Notice]:
        found = self._store.of(course)
        return (found.notice(),) if found else ()


class FeedHandler(OwnTokenHandler):
    """The notices for the server that asks."""

    def initialize(self, feed: Feed) -> None:
        """`feed` has them."""
        self._feed = feed

    async def get(self) -> None:
        """A list; with the ETag of what the server has, 304."""
        spawner = self.server()
        if spawner is None:
            self.set_status(403)
            self.finish({"message": "Only a server's own token reads its notes."})
            return
        profile = spawner.serves if spawner.active else None
        self.finish({"notes": [found.plain() for found in self._feed.in_server(spawner.user.name, profile)]})


def register(registry: Registry, site: Site, poll: UsagePoll, kept: Kept, log: Log) -> Feed:
    """Notices are on pages and in servers, and announcements can be made."""
    store = AnnouncementStore(kept, log)
    feed = Feed(lambda: site.current.settings, store, poll)
    registry.handle(PATH, FeedHandler, feed=feed)
    registry.show(coursehub_announcement=feed.banner)
    registry.answer(**AnnouncementQueries(lambda: site.current, store).queries)
    return feed
