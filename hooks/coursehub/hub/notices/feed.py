"""Which notes are for whom: announcements, and warnings of what is nearly full; and the address at which servers ask.

GET /hub/coursehub/notes answers a server's own token with the notes for that server. Hundreds ask each minute, so the
answer comes from memory, and the question is written down nowhere: it is nobody's activity.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

from jupyterhub.handlers import BaseHandler
from markupsafe import Markup

from coursehub.config import profiles
from coursehub.config.profiles import Profile
from coursehub.config.settings import Settings
from coursehub.hub.usage.poll import Measuring

from . import fullness, notice
from .notice import Note
from .store import Board

NOTES = r"/coursehub/notes"
# What a server's token may do, one of which JupyterHub always gives it.
_A_SERVERS = {"users:activity!user", "users:activity", "inherit"}


class Notes:
    """All that there is to tell, as it is now."""

    def __init__(self, current: Callable[[], Settings], board: Board, measuring: Measuring) -> None:
        self._current = current
        self._board = board
        self._measuring = measuring

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: traitlets copies what is configured, and the handler is to tell what there is now."""
        return self

    def banner(self, _: Any) -> Markup:
        """The site's announcement, for each of the hub's pages."""
        return notice.html(self._announced(None))

    def of_course(self, slug: str) -> Sequence[Note]:
        """The course's announcement, for its entry among the choices."""
        return self._announced(slug)

    def of_home(self, name: str) -> Sequence[Note]:
        """What to tell the owner of a home."""
        picture = self._measuring.picture
        found = fullness.home_note(picture.homes.get(name), self._current().usage.warn) if picture else None
        return (found,) if found else ()

    def in_server(self, name: str, profile: Profile | None) -> Sequence[Note]:
        """What to tell in the server of `name` that was started as `profile`."""
        return [*self._announced(None), *self.here(name, profile)]

    def here(self, name: str, profile: Profile | None) -> Sequence[Note]:
        """The same without what everybody is told."""
        found = [*self.of_home(name)]
        if profile is not None and profile.course is not None:
            found += self._announced(profile.course)
            picture = self._measuring.picture
            if profile.role.teaches and picture:
                use = picture.courses.get(profile.course)
                full = fullness.course_note(profile.course, use, self._current().usage.warn)
                found += [full] if full else []
        return found

    def _announced(self, course: str | None) -> Sequence[Note]:
        found = self._board.of(course)
        return (found.note(),) if found else ()


class NotesHandler(BaseHandler):  # type: ignore[misc] # JupyterHub is untyped
    """The notes for the server that asks."""

    # JupyterHub would write down that token and user were active, a commit for each question.
    _accept_cookie_auth = False
    _accept_token_auth = False

    def initialize(self, notes: Notes) -> None:
        """`notes` knows them."""
        self._notes = notes

    def _log(self) -> None:
        """Only what went wrong: a line for each question would bury all others."""
        if self.get_status() >= 400:
            super()._log()

    async def get(self) -> None:
        """A list; with the ETag of what the server has, 304."""
        token = self.get_token()
        if token is None or token.user is None or not _A_SERVERS & set(token.scopes):
            self.set_status(403)
            self.finish({"message": "Only a server's own token reads its notes."})
            return
        spawner = self._user_from_orm(token.user).spawner
        profile = profiles.of(spawner.user_options) if spawner.active else None
        self.finish({"notes": [each.plain() for each in self._notes.in_server(token.user.name, profile)]})
