"""/hub/courses/SLUG/grading: where a course's instructors have an assignment graded, and see how far that is.

Their own server of the course grades, and is asked at each request; the hub remembers nothing of it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_path_join
from tornado import web

from coursehub import text
from coursehub.config.profiles import Profile, Role
from coursehub.errors import Refused
from coursehub.hub import own_server
from coursehub.hub.own_server import Answer, NoAnswer
from coursehub.hub.planner import Planner
from coursehub.hub.registry import Registry
from coursehub.servers import grading
from coursehub.servers.grading import Grading

from .handler import courses_url

PATH = r"/courses/([^/]+)/grading"
_OLDER = (
    "Your server cannot grade from here: stop it, and start it again. If that stays so, the course's image is older "
    "than this page; autograde in Formgrader."
)
_STRANGE = "Your server's answer is none that this page understands. Stop the server, start it again, and look anew."


class GradingHandler(BaseHandler):  # type: ignore[misc] # JupyterHub is untyped
    """What goes on in the server of whoever looks; only a POST from this page begins or cancels anything."""

    def initialize(self, planner: Planner) -> None:
        """`planner` says who may grade."""
        self._planner = planner

    def _log(self) -> None:
        """Not each look of each page that is open: a line for each would bury all others."""
        if self.request.method != "GET" or self.get_status() >= 400:
            super()._log()

    @web.authenticated
    async def get(self, slug: str) -> None:
        """How far it is."""
        await self._answer(self.current_user.name, slug)

    @web.authenticated
    async def post(self, slug: str) -> None:
        """Begins or cancels; the page that follows says how far it is."""
        await self._answer(self.current_user.name, slug, change=True)

    @needs_scope("access:servers")  # type: ignore[untyped-decorator] # JupyterHub is untyped
    async def _answer(self, user_name: str, slug: str, change: bool = False) -> None:
        spawner = self.current_user.spawner
        try:
            course = await self._planner.may_grade(spawner, slug)
        except Refused as refused:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE if refused.reason.trouble else HTTPStatus.FORBIDDEN)
            await self._show("Nothing to grade here", message=str(refused))
            return
        profile = spawner.serves if spawner.ready else None
        if profile is None or profile.course != course.slug or not profile.role.teaches:
            start = url_path_join(courses_url(self), Profile(Role.INSTRUCTOR, course.slug).slug)
            await self._show(course.name, start=start)
            return
        refusal = await self._change(spawner, course.slug) if change else None
        if change and refusal is None:
            self.redirect(self.request.path, status=303)
            return
        found = await self._look(spawner)
        known, trouble = (found, None) if isinstance(found, Grading) else (None, found)
        await self._show(course.name, message=refusal, grading=known, trouble=trouble)

    async def _change(self, spawner: Any, slug: str) -> str | None:
        """Why the server did not do what a button of the page is for; None where it did."""
        do = self.get_body_argument("do")
        if do == "cancel":
            method, sent = "DELETE", None
        else:
            assignment = self.get_body_argument("assignment", strip=False)
            method, sent = "POST", {"assignment": assignment, "again": do == "again"}
        self.log.info("grading: %s user=%s course=%s %s", method, spawner.user.name, slug, sent)
        try:
            answer = await self._ask(spawner, method, sent)
        except NoAnswer as why:
            return str(why)
        return None if answer.status < 300 else grading.refusal(answer.status, answer.body)

    async def _look(self, spawner: Any) -> Grading | str:
        """How far it is, or why that is not known."""
        try:
            answer = await self._ask(spawner, "GET")
        except NoAnswer as why:
            return str(why)
        if answer.status == HTTPStatus.NOT_FOUND:
            return _OLDER
        if answer.status != HTTPStatus.OK:
            return grading.refusal(answer.status, answer.body)
        return Grading.read(answer.body) or _STRANGE

    async def _ask(self, spawner: Any, method: str, sent: Mapping[str, object] | None = None) -> Answer:
        return await own_server.ask(spawner, method, grading.PATH, grading.MOST, sent)

    async def _show(self, heading: str, **shown: object) -> None:
        formgrader = f"{self.current_user.server_url('')}formgrader"
        page = await self.render_template(
            "grading.html", heading=heading, plain=text.shown, courses=courses_url(self), formgrader=formgrader, **shown
        )
        self.finish(page)


def register(registry: Registry, planner: Planner) -> None:
    """The page is there."""
    registry.handle(PATH, GradingHandler, planner=planner)
