"""What the culler does with a hub that is slow, broken or not there: nothing, and it says so and goes on."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from coursehub.culler import __main__ as culler
from coursehub.culler.__main__ import Culler
from coursehub.live.snapshot import Site, Snapshot

from tests.support import COURSES, SITE, catalog, site

LIVE = Snapshot(site(SITE + "cull: {idle: 1h, maxAge: never}\n"), catalog(), ())
HOOKS = Path(culler.__file__).parents[2]
LONG_AGO = "2020-01-01T00:00:00Z"


def person(name: str, **server: Any) -> dict[str, Any]:
    """A user as the REST API lists them, whose server has been idle for years."""
    about: dict[str, Any] = {
        "pending": None,
        "ready": True,
        "started": LONG_AGO,
        "last_activity": LONG_AGO,
        "user_options": {},
    }
    return {"name": name, "servers": {"": about | server}}


class Hub:
    """As much of JupyterHub's REST API as the culler uses; `people` are the users, `bent` changes an answer."""

    def __init__(self) -> None:
        self.people: list[Any] = []
        self.fresh: dict[str, Any] = {}
        self.stopped: list[str] = []
        self.tokens: set[str | None] = set()
        self.bent: Callable[[web.Request], web.Response | None] = lambda _: None
        self.date = format_datetime(datetime.now(UTC), usegmt=True)
        self.url = ""

    def app(self) -> web.Application:
        """To serve."""
        app = web.Application(middlewares=[self._any])
        app.router.add_get("/hub/api/users", self._list)
        app.router.add_get("/hub/api/users/{name}", self._one)
        app.router.add_delete("/hub/api/users/{name}/server", self._stop)
        return app

    @web.middleware
    async def _any(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.tokens.add(request.headers.get("Authorization"))
        response: web.StreamResponse = self.bent(request) or await handler(request)
        response.headers["Date"] = self.date
        return response

    async def _list(self, request: web.Request) -> web.Response:
        assert request.query["state"] == "ready"
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        more = offset + limit < len(self.people)
        pagination = {"next": {"offset": offset + limit, "limit": limit, "url": "http://elsewhere/"} if more else None}
        return web.json_response({"items": self.people[offset : offset + limit], "_pagination": pagination})

    async def _one(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response(self.fresh.get(name) or next(each for each in self.people if each["name"] == name))

    async def _stop(self, request: web.Request) -> web.Response:
        self.stopped.append(request.match_info["name"])
        return web.Response(status=204)


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[Hub]:
    made = Hub()
    runner = web.AppRunner(made.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hub/api"
    yield made
    await runner.cleanup()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"site": SITE + "cull: {idle: 1h, maxAge: never}\n", "courses": COURSES}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.yaml").write_text(text)
    (tmp_path / "token").write_text("secret\n")
    return tmp_path


def culling(hub: Hub, folder: Path, site: Any) -> Culler:
    """A culler to which the hub has been answering for long."""
    made = Culler(hub.url, [folder / "given", folder / "token"], site)
    made._answering = float("-inf")
    return made


@pytest.fixture
def ending(hub: Hub, folder: Path) -> Culler:
    return culling(hub, folder, SimpleNamespace(current=LIVE))


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "coursehub.culler")


async def test_whoever_is_over_is_stopped_and_each_decision_is_a_line(
    hub: Hub, ending: Culler, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    active = person("jonas", last_activity=now.isoformat())
    hub.people = [
        active,
        person("maria", user_options={"profile": "python-intro"}, last_activity=_ago(now, seconds=7290)),
    ]
    await ending.look()
    assert hub.stopped == ["maria"]
    assert hub.tokens == {"token secret"}
    said = [record.getMessage() for record in caplog.records if "stopped" in record.getMessage()]
    assert said == ["stopped: user=maria profile=python-intro: idle for 2h 1m of at most 1h"]


def _ago(now: datetime, **span: float) -> str:
    return (now - timedelta(**span)).isoformat()


async def test_people_of_all_pages_are_looked_at(hub: Hub, ending: Culler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(culler, "PAGE", 2)
    hub.people = [person(f"student{number}") for number in range(5)]
    await ending.look()
    assert sorted(hub.stopped) == [f"student{number}" for number in range(5)]


async def test_whoever_is_active_again_at_the_last_moment_stays(hub: Hub, ending: Culler) -> None:
    hub.people = [person("maria"), person("jonas")]
    hub.fresh["maria"] = person("maria", last_activity=datetime.now(UTC).isoformat())
    hub.fresh["jonas"] = {"name": "jonas", "servers": {}}
    await ending.look()
    assert hub.stopped == []


async def test_it_goes_by_the_hubs_clock(hub: Hub, ending: Culler) -> None:
    """Whatever the clock of the machine says on which the culler runs."""
    hub.date = "Wed, 01 Jan 2020 00:30:00 GMT"
    hub.people = [person("maria")]
    await ending.look()
    assert hub.stopped == []
    hub.date = "Wed, 01 Jan 2020 01:00:00 GMT"
    await ending.look()
    assert hub.stopped == ["maria"]


ANSWERS: dict[str, Callable[[], web.Response]] = {
    "an error": lambda: web.Response(status=500, text="boom"),
    "a page of HTML": lambda: web.Response(text="<html>starting</html>", content_type="text/html"),
    "half an answer": lambda: web.Response(text='{"items": [{"name": ', content_type="application/json"),
    "nobody": lambda: web.json_response({}),
    "a list": lambda: web.json_response([]),
    "null": lambda: web.json_response(None),
    "users that are none": lambda: web.json_response({"items": [7], "_pagination": {"next": None}}),
    "rights taken away": lambda: web.Response(status=403),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_that_is_none_stops_nobody_and_the_next_look_is_as_ever(
    hub: Hub, ending: Culler, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    hub.people = [person("maria")]
    hub.bent = lambda _: ANSWERS[answer]()
    await ending.look()
    assert hub.stopped == []
    assert [record.levelname for record in caplog.records if record.name == "coursehub.culler"][-1] == "ERROR"
    hub.bent = lambda _: None
    ending._answering = float("-inf")
    await ending.look()
    assert hub.stopped == ["maria"]


async def test_one_server_that_makes_no_sense_keeps_no_other_alive(hub: Hub, ending: Culler) -> None:
    hub.people = [
        {"name": "anna"},
        person("peter", last_activity="soon"),
        person("sofia", started=[]),
        person("maria"),
    ]
    await ending.look()
    assert hub.stopped == ["maria"]


async def test_one_that_cannot_be_stopped_is_told_and_tried_again(
    hub: Hub, ending: Culler, caplog: pytest.LogCaptureFixture
) -> None:
    hub.people = [person("maria"), person("jonas")]
    hub.bent = lambda request: (
        web.Response(status=503) if request.method == "DELETE" and "maria" in request.path else None
    )
    await ending.look()
    assert hub.stopped == ["jonas"]
    assert "the server of user=maria could not be stopped, which is tried again: ValueError: HTTP 503" in caplog.text
    hub.bent = lambda _: None
    hub.people = hub.people[:1]
    await ending.look()
    assert hub.stopped == ["jonas", "maria"]


async def test_a_hub_that_was_away_has_to_answer_until_everybody_has_reported(
    hub: Hub, ending: Culler, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("coursehub.culler.__main__.monotonic", lambda: clock)
    hub.people = [person("maria")]
    hub.bent = lambda _: web.Response(status=503)
    await ending.look()
    hub.bent = lambda _: None
    for moment in (1000.0, 1899.0):
        clock = moment
        await ending.look()
        assert hub.stopped == [], "nobody knows yet whether she is idle: her server could not report"
    clock = 1900.0
    await ending.look()
    assert hub.stopped == ["maria"]


async def test_a_hub_that_nobody_can_reach_is_told(ending: Culler, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    ending._api = "http://127.0.0.1:1/hub/api"
    await ending.look()
    assert "gave no list of servers, so all stay: ClientConnectorError" in caplog.text


async def test_a_missing_token_is_told(ending: Culler, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "token").unlink()
    await ending.look()
    assert "so all stay: FileNotFoundError" in caplog.text


async def test_times_follow_the_files_and_a_broken_file_changes_none(hub: Hub, folder: Path) -> None:
    site = Site(folder / "site", folder / "courses", culler._LOG)
    ending = culling(hub, folder, site)
    now = datetime.now(UTC)
    hub.people = [person("maria", user_options={"profile": "python-intro"}, last_activity=_ago(now, minutes=121))]
    longer = COURSES.replace("    data: read-only\n", "    data: read-only\n    cull: {idle: 3h}\n", 1)
    (folder / "courses/main.yaml").write_text(longer)
    assert site.refresh()
    await ending.look()
    assert hub.stopped == []
    (folder / "courses/main.yaml").write_text("courses: {")
    assert site.refresh()
    await ending.look()
    assert hub.stopped == [], "the last good times stay"
    (folder / "courses/main.yaml").write_text(COURSES)
    assert site.refresh()
    await ending.look()
    assert hub.stopped == ["maria"]


async def test_a_course_that_was_broken_from_the_start_may_have_any_times(
    hub: Hub, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "courses/main.yaml").write_text(COURSES.replace("gid: 70101", "gid: many"))
    made = culling(hub, folder, Site(folder / "site", folder / "courses", culler._LOG))
    hub.people = [person("maria", user_options={"profile": "python-intro"}), person("jonas")]
    await made.look()
    assert hub.stopped == ["jonas"]
    assert "stays: user=maria profile=python-intro: its course cannot be read" in caplog.text


def test_it_ends_at_once_where_kubernetes_asks_it_to(folder: Path) -> None:
    """A container's first process has to say what that signal means, else the kernel keeps it away."""
    arguments = [f"--{name}={folder / name}" for name in ("site", "courses", "token")]
    command = [sys.executable, "-m", "coursehub.culler", *arguments, "--api=http://127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HOOKS) as process:
        assert process.stdout is not None
        assert any("gave no list of servers" in line for line in process.stdout), "it works"
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_without_the_sites_values_it_does_not_start_and_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "site/main.yaml").write_text("timezone: Mars\n")
    arguments = [f"--{name}={folder / name}" for name in ("site", "courses", "token")]
    assert culler.main([*arguments, "--api=http://127.0.0.1:1"]) == 1
    said = capsys.readouterr().err
    assert "cannot start without the site's values" in said
    assert "'Mars' is no time zone" in said
