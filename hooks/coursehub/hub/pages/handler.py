"""/hub/courses: where somebody chooses, sees what runs, and stops it to choose another.

Beside JupyterHub's own /hub/spawn, whose GET takes nearly any query for a start and leaves for a server that runs.
"""

import asyncio
from typing import Any

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web

from coursehub.hub.registry import Registry
from coursehub.hub.start_queue import StartQueue

from .page import StartPage

# Seconds for a start that has left the queue to be cleared up.
_PATIENCE = 5

COURSES = r"/courses(?:/([^/]*))?"


def courses_url(handler: Any) -> str:
    """Where people land after login: the page, under the hub's prefix."""
    url: str = url_path_join(handler.hub.base_url, "courses")
    return url


class CoursesHandler(SpawnHandler):  # type: ignore[misc] # JupyterHub is untyped
    """One's own choice, the profile of the path preselected; only a POST from this page starts or stops anything."""

    def initialize(self, page: StartPage, queue: StartQueue) -> None:
        """`page` looks things up; `queue` is where starts wait."""
        self._page = page
        self._queue = queue

    @web.authenticated
    async def get(self, link: str | None = None) -> None:
        """The form, or the page about the server that is there; the query is dropped."""
        if self.request.query:
            self.redirect(self._path(link))
            return
        await self._show(self.current_user.name, link or None)

    @web.authenticated
    async def post(self, link: str | None = None) -> None:
        """Starts what was chosen, or stops what runs; either way the page that follows says what there is now."""
        stop = self.get_body_argument("stop", None)
        if stop is not None:
            await self._stop(self.current_user.name, stop)
        elif not self.current_user.spawner.active:
            await super().post()
            return
        self.redirect(self._path(link), status=303)

    @needs_scope("servers")  # type: ignore[untyped-decorator] # JupyterHub is untyped
    async def _show(self, user_name: str, link: str | None) -> None:
        user = self.current_user
        if user.running:
            # One that died since is noticed now, as on JupyterHub's home page.
            await user.spawner.poll_and_notify()
        spawner = user.get_spawner(replace_failed=True)
        auth_state = await user.get_auth_state()
        if not spawner.active:
            await spawner.run_auth_state_hook(auth_state)
            form = await self._page.choices(spawner, link)
            self.finish(await self._render_form(for_user=user, spawner_options_form=form))
            return
        self.finish(
            await self.render_template(
                "stopping.html" if spawner.pending == "stop" else "running.html",
                auth_state=auth_state,
                running=await self._page.running(spawner, link),
                starting=spawner.pending == "spawn",
                url=user.server_url("") if spawner.ready else self._pending_url(user),
            )
        )

    @needs_scope("delete:servers")  # type: ignore[untyped-decorator] # JupyterHub is untyped
    async def _stop(self, user_name: str, slug: str) -> None:
        """Stops the server if it is still what the page said that it was: another tab may have switched since.

        A start that waits for its turn leaves the queue.
        """
        user = self.current_user
        if user.spawner.pending == "spawn" and self._queue.leave(user.name):
            await asyncio.wait([user.spawner._spawn_future], timeout=_PATIENCE)
            return
        if not user.spawner.ready or (await self._page.running(user.spawner, None)).slug != slug:
            return
        stopping = asyncio.ensure_future(self.stop_single_user(user))
        done, _ = await asyncio.wait([stopping], timeout=1)
        for finished in done:
            finished.result()

    def _pending_url(self, user: Any) -> str:
        url: str = url_path_join(self.hub.base_url, "spawn-pending", user.escaped_name)
        return url

    def _path(self, link: str | None) -> str:
        path: str = url_path_join(courses_url(self), url_escape_path(link)) if link else courses_url(self)
        return path


def register(registry: Registry, page: StartPage, queue: StartQueue) -> None:
    """The page is there."""
    registry.handle(COURSES, CoursesHandler, page=page, queue=queue)
