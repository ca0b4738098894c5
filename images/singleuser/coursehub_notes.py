"""Notes: what the hub and this server's other extensions have to tell its owner, for JupyterLab and for terminals.

GET {base}/coursehub/notes gives them, and POST {base}/coursehub/notes/{id} does what a note offers. Another extension
adds itself to the list `web_app.settings["coursehub_notes"]`: an object with `async def notes() -> list[dict]` (id,
level, text; where there is one, action: {"label": ...} and until, an ISO time) and `async def act(id: str) -> None`.
"""

import asyncio
import json
import os
import random
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

# What a login shell prints, see /etc/profile.d/coursehub.sh.
TERMINAL = Path("/run/coursehub/notes")
# Seconds from one question to the next at the most; what JupyterLab waits at the least is half of it.
EVERY = int(os.environ.get("COURSEHUB_NOTICES_INTERVAL", "60"))
# Hundreds of servers start with a lecture, and are not to ask all at once.
SPREAD = 0.75


class Hub:
    """What the hub had to tell when it was asked last; while it does not answer, that stays."""

    def __init__(self, api_url: str, token: str, log: Any) -> None:
        self._request = {
            "url": f"{api_url.rstrip('/').removesuffix('/api')}/coursehub/notes",
            "headers": {"Authorization": f"token {token}"},
            "connect_timeout": 5.0,
            "request_timeout": 20.0,
        }
        self._log = log
        self._etag: str | None = None
        self._notes: list[dict[str, Any]] = []
        self._silent = False

    async def notes(self) -> list[dict[str, Any]]:
        """All of them."""
        return self._notes

    async def act(self, identifier: str) -> None:
        """Nothing: the hub's notes offer nothing to do."""

    async def follow(self) -> None:
        """Asks for as long as the server runs."""
        while True:
            try:
                await self._ask()
                self._silent = False
            except Exception as error:  # noqa: BLE001 - whatever the hub answers, it is asked again
                if not self._silent:
                    self._log.warning("The hub does not tell its notes: %s", error)
                self._silent = True
            with suppress(OSError):
                tell(self._notes)
            await asyncio.sleep(random.uniform(SPREAD * EVERY, EVERY))  # noqa: S311 - only to spread them

    async def _ask(self) -> None:
        headers = self._request["headers"] | ({"If-None-Match": self._etag} if self._etag else {})
        response = await AsyncHTTPClient().fetch(HTTPRequest(**self._request | {"headers": headers}), raise_error=False)
        if response.code == 304:
            return
        response.rethrow()
        self._notes = list(json.loads(response.body)["notes"])
        self._etag = response.headers.get("Etag")


def current(notes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those whose time is not over, of several with the same id the first."""
    now, found = datetime.now(UTC), {}
    for note in notes:
        until = note.get("until")
        if until is None or datetime.fromisoformat(until).astimezone(UTC) > now:
            found.setdefault(note["id"], note)
    return list(found.values())


def tell(notes: Iterable[dict[str, Any]]) -> None:
    """What shells are to print: a line for each note above `info`, and nothing that a terminal obeys."""
    lines = []
    for note in current(notes):
        if note["level"] != "info":
            addresses = "".join(f" ({link['url']})" for link in note.get("links", ()))
            lines.append("".join(each for each in note["text"] + addresses if each.isprintable()) + "\n")
    new = TERMINAL.with_suffix(".new")
    new.write_text("".join(lines), encoding="utf-8")
    new.replace(TERMINAL)


class NotesHandler(APIHandler):  # type: ignore[misc] # jupyter_server's handlers are untyped here
    """For JupyterLab, which asks by itself: a server that nobody uses is not in use for it."""

    _track_activity = False

    @web.authenticated
    async def get(self) -> None:
        """The notes of all who have some; who fails is left out."""
        found: list[dict[str, Any]] = []
        for provider in self.settings["coursehub_notes"]:
            try:
                found += await provider.notes()
            except Exception:
                self.log.exception("%r has no notes", provider)
        self.finish({"notes": current(found)})


class ActHandler(APIHandler):  # type: ignore[misc] # jupyter_server's handlers are untyped here
    """For the button of a note."""

    _track_activity = False

    @web.authenticated
    async def post(self, identifier: str) -> None:
        """Whoever has the note does what it offers."""
        for provider in self.settings["coursehub_notes"]:
            if any(note["id"] == identifier for note in await provider.notes()):
                await provider.act(identifier)
                self.set_status(204)
                self.finish()
                return
        raise web.HTTPError(404, "This note is gone.")


def _load_jupyter_server_extension(app: ServerApp) -> None:
    hub = Hub(os.environ["JUPYTERHUB_API_URL"], app.identity_provider.token, app.log)
    app.web_app.settings.setdefault("coursehub_notes", []).append(hub)
    app.web_app.settings.setdefault("page_config_data", {})["coursehubNotesSeconds"] = str(EVERY / 2)
    base = app.base_url.rstrip("/") + "/coursehub/notes"
    app.web_app.add_handlers(".*$", [(base, NotesHandler), (base + r"/([A-Za-z0-9._-]+)", ActHandler)])
    app.io_loop.add_callback(hub.follow)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursehub_notes"}]
