"""When somebody last used this server, and what JupyterLab says before it ends.

The hub stops a server that is idle (COURSEHUB_CULL_IDLE, seconds) or old (COURSEHUB_CULL_MAX_AGE). It goes by the last
activity that the server reports. For Jupyter nearly every request is activity, so that a forgotten tab, which asks all
the time, would keep a server for ever. Here activity is what a person or their program does: a kernel that is busy or
answers, a terminal in which something runs, prints or is typed, pages and files opened, files saved. An extension of
another kind puts its own time into the server's setting `last_activity_times`.
"""

import asyncio
import math
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from jupyter_server._tz import utcnow
from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler

# Seconds between two looks, and how many report intervals late the hub may be before it is told at once: beyond the
# jitter of the regular reports. The culler counts on what both add up to; see lifetime.REPORTS of the hub's package.
LOOK = 5.0
LATE = 1.2
# At most so long before the end people are told: of idleness, of age.
IDLE_NOTICE, AGE_NOTICE = timedelta(minutes=10), timedelta(hours=1)
# What JupyterLab writes without anybody doing anything: its layout.
_BY_ITSELF = ("lab/api/workspaces",)


class Activity:
    """Of one server; `idle` and `max_age` in seconds, None where nothing ends it."""

    def __init__(self, app: ServerApp, idle: int | None, max_age: int | None) -> None:
        self._app = app
        self._idle = None if idle is None else timedelta(seconds=idle)
        self._max_age = None if max_age is None else timedelta(seconds=max_age)
        self._started: datetime = app.web_app.settings["started"]
        self._last = self._started

    def last(self) -> datetime:
        """When the server was last used; now, while something runs."""
        settings = self._app.web_app.settings
        if self._busy():
            self._last = utcnow()
        self._last = max(
            self._last,
            settings["kernel_manager"].last_kernel_activity,
            *(kernel.last_activity for kernel in self._kernels() if hasattr(kernel, "last_activity")),
            *(terminal.last_activity for terminal in self._terminals() if hasattr(terminal, "last_activity")),
            *settings["last_activity_times"].values(),
        )
        return self._last

    def answered(self, handler: RequestHandler) -> None:
        """Takes a request for activity where it is somebody's own doing."""
        if _is_deed(handler, self._app.base_url):
            self._last = utcnow()

    async def notes(self) -> list[dict[str, Any]]:
        """What there is to say of the end, as notes for JupyterLab."""
        now = utcnow()
        found = []
        if (end := _near(self._started, self._max_age, AGE_NOTICE, now)) and self._max_age:
            text = f"This server ends {_when(end, now)}: it may run for {_span(self._max_age)}. Save your work."
            found.append(_note("age", end, text))
        if end := _near(self.last(), self._idle, IDLE_NOTICE, now):
            text = f"Nothing happens here any more, so this server ends {_when(end, now)}. What is saved stays."
            found.append(_note("idle", end, text) | {"action": {"label": "I'm still here"}})
        return found

    async def act(self, note: str) -> None:
        """Somebody is still here, and the hub knows it when this returns."""
        if note.startswith("idle-"):
            self._last = utcnow()
            await self._tell()

    async def follow(self) -> None:
        """Tells the hub at once that a server is used which it thinks was idle for long; regularly it hears anyway."""
        while True:
            try:
                hub = self._hub()
                known = hub and (hub._last_activity_sent or self._started)
                if hub and (self.last() - known).total_seconds() > LATE * hub.hub_activity_interval:
                    await self._tell()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may find it better
                self._app.log.error("The hub was not told of activity: %s", error)
            await asyncio.sleep(LOOK)

    async def _tell(self) -> None:
        if hub := self._hub():
            await hub.notify_activity()

    def _hub(self) -> Any:
        """JupyterHub's own extension, which talks to the hub."""
        apps = (app for found in self._app.extension_manager.extension_apps.values() for app in found)
        return next((app for app in apps if hasattr(app, "notify_activity")), None)

    def _busy(self) -> bool:
        return any(getattr(kernel, "execution_state", "") == "busy" for kernel in self._kernels()) or any(
            _runs_something(terminal) for terminal in self._terminals()
        )

    def _kernels(self) -> Iterator[Any]:
        manager = self._app.web_app.settings["kernel_manager"]
        return (manager.get_kernel(name) for name in manager.list_kernel_ids())

    def _terminals(self) -> list[Any]:
        manager = self._app.web_app.settings.get("terminal_manager")
        return list(manager.terminals.values()) if manager else []


def _runs_something(terminal: Any) -> bool:
    """Whether something else than the shell has the terminal."""
    try:
        return os.tcgetpgrp(terminal.ptyproc.fd) != os.getpgid(terminal.ptyproc.pid)
    except (AttributeError, OSError, ValueError):
        return False


def _is_deed(handler: RequestHandler, base_url: str) -> bool:
    """Whether somebody does something with this request: it changes something, or opens a page or a file."""
    request = handler.request
    if not 200 <= handler.get_status() < 300 or not getattr(handler, "_jupyter_current_user", None):
        return False
    path = request.path.removeprefix(base_url)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return not path.startswith(_BY_ITSELF)
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        return True
    kind = handler.get_query_argument("type", "")
    return path.startswith("api/contents/") and kind in ("file", "notebook")


def _near(since: datetime, limit: timedelta | None, notice: timedelta, now: datetime) -> datetime | None:
    """When it ends, where that is near: within the notice, or a quarter of a short limit."""
    if limit is None or since + limit - now > min(notice, limit / 4):
        return None
    return since + limit


def _note(kind: str, end: datetime, text: str) -> dict[str, Any]:
    """Another one where the end is another; the hub may be some moments late, and nothing else takes the note away."""
    return {"id": f"{kind}-{end:%d%H%M%S}", "level": "warning", "text": text}


def _when(end: datetime, now: datetime) -> str:
    minutes = max(1, math.ceil((end - now).total_seconds() / 60))
    return f"in about {minutes} minute{'s' if minutes > 1 else ''}, at {end.astimezone():%H:%M}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    size, unit = next((each for each in ((86400, "day"), (3600, "hour")) if seconds % each[0] == 0), (60, "minute"))
    return f"{seconds // size} {unit}{'s' if seconds > size else ''}"


def _seconds(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else None


def _load_jupyter_server_extension(app: ServerApp) -> None:
    activity = Activity(app, _seconds("COURSEHUB_CULL_IDLE"), _seconds("COURSEHUB_CULL_MAX_AGE"))
    log_request = app.web_app.log_request

    def answered(handler: RequestHandler) -> None:
        log_request(handler)
        activity.answered(handler)

    app.web_app.last_activity = activity.last
    app.web_app.log_request = answered
    app.web_app.settings.setdefault("coursehub_notes", []).append(activity)
    app.io_loop.add_callback(activity.follow)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursehub_activity"}]
