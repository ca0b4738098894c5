"""Autograding by this server, for Formgrader and for pages: how far it is, and its end, whoever still looks.

    GET    {base}/coursehub/grading   how the last one is, or was: `Grading.told`; `assignments` that the course has
    POST   {base}/coursehub/grading   202: begins {"assignment": …, "students": […], "again": …}; 409 while one runs
    DELETE {base}/coursehub/grading   202: the one that runs is cancelled

What grades is `coursehub grade`, a process of its own, so the server answers meanwhile; it is work like a kernel's, for
which the server counts as used. With the server it ends, and leaves nothing half.
"""

import asyncio
import atexit
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from coursehub_files import listdir
from coursehub_process import home
from coursehub_runs import are_possible
from coursehub_shared import COURSE
from jupyter_server._tz import utcnow
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from nbgrader_rules import last
from tornado import web

NAME = "coursehub_grading"
COMMAND = (sys.executable, "-s", "-P", str(Path(sys.prefix, "bin/coursehub")), "grade", "--json")
# Seconds between two times that the server is told of its use, and that a process has to end with the server.
LOOK, PATIENCE = 5.0, 10.0
# Bytes of a line, which has a submission's log, and characters of an error.
MOST_LINE, MOST_ERROR = 2**20, 1000
# Processes of Formgrader's buttons; what is clicked beyond that waits.
MOST_BUTTONS = 4
NOTHING = {"running": False, "assignment": None, "of": 0, "done": 0, "ended": {}, "now": {}, "failed": [], "error": ""}


class Grading:
    """One process that grades, and what it has told."""

    def __init__(self, assignment: str, students: list[str], again: bool) -> None:
        self.assignment = assignment
        chosen = [f"--student={student}" for student in students]
        course = os.environ["COURSEHUB_COURSE"]
        self._command = (*COMMAND, *chosen, *(["--again"] if again else []), "--", course, assignment)
        self._process: Process | None = None
        self._cancelled = False
        self._of = 0
        self._now: dict[str, dict[str, str]] = {}
        self.ends: list[dict[str, str]] = []
        self.error = ""
        self.running = True

    async def run(self) -> None:
        """Grades, until that has ended."""
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                limit=MOST_LINE,
                env={**os.environ, "HOME": home()},
            )
            ending = partial(_end, process.pid)
            atexit.register(ending)
            try:
                if self._cancelled:
                    process.terminate()
                said, _ = await asyncio.gather(process.stderr.read(), self._follow(process.stdout))
                if await process.wait() and not self.ends:
                    otherwise = "It was cancelled before it began." if self._cancelled else "It ended without a word."
                    self.error = last(said.decode(errors="replace"))[:MOST_ERROR] or otherwise
            finally:
                atexit.unregister(ending)
        except (OSError, ValueError) as error:
            self.cancel()
            self.error = f"It cannot be done: {error}"
        finally:
            self.running = False

    async def _follow(self, said: Any) -> None:
        async for line in said:
            event = json.loads(line)
            self._of = event.get("of", self._of)
            if student := event.get("student"):
                self._now.pop(student, None)
                if "log" in event:
                    self.ends.append(event)
                else:
                    self._now[student] = {"state": event["state"], "why": event["why"]}

    def cancel(self) -> None:
        """It is told to end, which takes moments."""
        self._cancelled = True
        if self._process and self._process.returncode is None:
            self._process.terminate()

    def told(self) -> dict[str, Any]:
        """How many are `done` `of` all, how they `ended`, what is done `now` by student, and who `failed` and why."""
        failed = [{"student": end["student"], "why": end["why"]} for end in self.ends if end["state"] == "failed"]
        return {
            "running": self.running,
            "assignment": self.assignment,
            "of": self._of,
            "done": len(self.ends),
            "ended": Counter(end["state"] for end in self.ends),
            "now": self._now,
            "failed": failed,
            "error": self.error,
        }


class Desk:
    """What this server grades: an assignment at a time, and beside it what Formgrader's buttons ask for."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.last: Grading | None = None
        self._going_on: set[asyncio.Task[None]] = set()
        self._buttons: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}
        self._room = asyncio.Semaphore(MOST_BUTTONS)

    def begin(self, grading: Grading) -> None:
        """Grades it, whoever still looks."""
        self.last = grading
        task = asyncio.create_task(self._work(grading))
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)

    async def button(self, assignment: str, student: str) -> dict[str, Any]:
        """How one submission's autograding ended, as nbgrader's API tells it; a second click waits for the same end."""
        key = (assignment, student)
        if key not in self._buttons:
            self._buttons[key] = asyncio.create_task(self._button(Grading(assignment, [student], again=True)))
            self._buttons[key].add_done_callback(lambda _: self._buttons.pop(key))
        return await asyncio.shield(self._buttons[key])

    async def _button(self, grading: Grading) -> dict[str, Any]:
        async with self._room:
            await self._work(grading)
        end = grading.ends[0] if grading.ends else {"state": "failed", "why": grading.error, "log": ""}
        done = end["state"] == "done"
        return {"success": done, "log": end["log"]} | ({} if done else {"error": end["why"] or end["state"]})

    async def _work(self, grading: Grading) -> None:
        task = asyncio.create_task(grading.run())
        while not task.done():
            self._settings["last_activity_times"][NAME] = utcnow()
            await asyncio.wait({task}, timeout=LOOK)
        task.result()


class GradingHandler(APIHandler):  # type: ignore[misc] # jupyter_server's handlers are untyped here
    """The grading of one assignment at a time."""

    _track_activity = False

    def initialize(self, desk: Desk) -> None:
        """`desk` has it."""
        super().initialize()
        self._desk = desk

    @web.authenticated
    async def get(self) -> None:
        """How far it is, and which assignments there are."""
        told = self._desk.last.told() if self._desk.last else NOTHING
        self.finish({**told, "assignments": await asyncio.to_thread(_assignments)})

    @web.authenticated
    async def post(self) -> None:
        """Begins one."""
        if self._desk.last and self._desk.last.running:
            raise web.HTTPError(409, f"{self._desk.last.assignment!r} is being graded; wait for its end, or cancel it.")
        match self.get_json_body():
            case {"assignment": str(assignment), **more}:
                students, again = more.pop("students", []), more.pop("again", False)
                names = isinstance(students, list) and all(isinstance(each, str) for each in students)
                if names and isinstance(again, bool) and not more:
                    self._desk.begin(Grading(assignment, students, again))
                    self.set_status(202)
                    self.finish(self._desk.last.told())
                    return
        raise web.HTTPError(400, 'Write {"assignment": NAME}, and as you wish "students": [NAME], "again": true.')

    @web.authenticated
    async def delete(self) -> None:
        """Cancels it: what is done stays done."""
        if not (self._desk.last and self._desk.last.running):
            raise web.HTTPError(404, "Nothing is being graded.")
        self._desk.last.cancel()
        self.set_status(202)
        self.finish(self._desk.last.told())


def _assignments() -> list[str]:
    source = os.path.join(COURSE, "source")
    try:
        names = [name for name in listdir(source) if not name.startswith(".")]
        return sorted(name for name in names if os.path.isdir(os.path.join(source, name)))
    except OSError:
        return []


def _end(process: int) -> None:
    """The process is told to end, and has some time for it."""
    until = time.monotonic() + PATIENCE
    with suppress(OSError):
        os.kill(process, signal.SIGTERM)
        while not os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < until:
            time.sleep(0.1)


def _load_jupyter_server_extension(app: ServerApp) -> None:
    if are_possible():
        desk = app.web_app.settings[NAME] = Desk(app.web_app.settings)
        address = app.base_url.rstrip("/") + "/coursehub/grading"
        app.web_app.add_handlers(".*$", [(address, GradingHandler, {"desk": desk})])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursehub_grading"}]
