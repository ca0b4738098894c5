"""The culler at a real JupyterHub: ten hours of two hundred people, and what it does not take for an answer.

Time is compressed: it is `Day` that says how late it is, to the culler and in what servers report.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml
from coursehub import layout
from coursehub.culler.__main__ import Culler
from coursehub.live.snapshot import Site

from tests.hub.conftest import SERVICES, SITE, UID, Hub, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOG = logging.getLogger("tests.culler")
STEP = 20
HOURS = 10
# Limits of the site, and of courses: shorter, longer, other for instructors, and one that goes away meanwhile.
TIMES = "cull: {idle: 1h, maxAge: 9h}\n"
COURSES: dict[str, Any] = {
    "short": {"students": "everyone", "cull": {"idle": "40m"}},
    "long": {"students": "everyone", "cull": {"idle": "5h", "max_age": "1d"}},
    "brief": {"students": "everyone", "cull": {"max_age": "2h"}},
    "taught": {
        "instructors": [],
        "students": "everyone",
        "cull": {"idle": "20m"},
        "instructor": {"cull": {"idle": "3h"}},
    },
    "gone": {"students": "everyone", "cull": {"idle": "4h"}},
}
GONE_AT = 60


def always(_: int) -> bool:
    """A kernel that works; somebody who never sleeps."""
    return True


def up_to(minute: int) -> Callable[[int], bool]:
    """Somebody who works, and then leaves a tab open: their server reports on, the same old moment."""
    return lambda now: now <= minute


def with_pause(begin: int, end: int) -> Callable[[int], bool]:
    """Somebody who comes back."""
    return lambda now: now <= begin or now >= end


@dataclass(frozen=True)
class Kind:
    """What twenty people do: `ends` is the minute at which their server is over, None: it is not in these hours."""

    profile: str
    active: Callable[[int], bool]
    ends: int | None
    reports: bool = True


KINDS = {
    "a forgotten tab": Kind("general", up_to(60), 120),
    "a busy kernel, to the site's age": Kind("general", always, 540),
    "a short course": Kind("short", up_to(100), 140),
    "a short course with one who comes back in time": Kind("short", with_pause(60, 100), 540),
    "a long course": Kind("long", up_to(60), 360),
    "a long course's busy kernel": Kind("long", always, None),
    "a busy kernel in a course that ends by age": Kind("brief", always, 120),
    "an instructor's longer time": Kind("taught--instructor", up_to(60), 240),
    "never used": Kind("general", up_to(-1), 60, reports=False),
    "a course that is gone": Kind("gone", up_to(20), 80),
}
EACH = 20
NAMES = {f"student{number:03}": kind for number, kind in enumerate(kind for kind in KINDS for _ in range(EACH))}
STARTING = [f"waiting{number}" for number in range(10)]


class Day:
    """Compressed time: minutes since everybody started, well in the past of the hub's own clock."""

    def __init__(self) -> None:
        self.begin = datetime.now(UTC) - timedelta(hours=HOURS + 1)
        self.minute = 0

    def at(self, minute: int) -> datetime:
        """The moment of that minute."""
        return self.begin + timedelta(minutes=minute)

    def __call__(self, _: aiohttp.ClientResponse) -> datetime:
        """Now, as the culler sees it."""
        return self.at(self.minute)


def course_file(*without: str) -> str:
    """The courses, but for some."""
    taught = {"instructors": [name for name, kind in NAMES.items() if "--instructor" in KINDS[kind].profile]}
    found = {slug: {"name": slug} | keys for slug, keys in COURSES.items() if slug not in without}
    found["taught"] |= taught
    return yaml.safe_dump({"courses": found})


@pytest_asyncio.fixture(loop_scope="session")
async def full(hub: Hub) -> AsyncIterator[tuple[Hub, dict[str, Any]]]:
    """The hub with everybody's server running and some on their way, and their spawners."""
    # A line for each request and statement would be most of the time.
    hub.app.log.setLevel(logging.WARNING)
    everybody = [*NAMES, *STARTING]
    people = ""
    for number, name in enumerate(everybody):
        uid = UID + 100 * (100 + number)
        home = hub.folder / "share" / layout.home(uid, name)
        home.mkdir(parents=True, exist_ok=True)
        os.chown(home, uid, -1)
        people += f"      {name}: {{uid: {uid}, gid: {25000 + number}}}\n"
    await hub.write_courses(course_file())
    await hub.login("sofia")
    headers = {"Authorization": f"token {hub.app.users['sofia'].new_api_token()}"}
    async with (
        hub.values(f"{SITE}{people}{TIMES}"),
        aiohttp.ClientSession(f"{hub.app.hub.url}api/", headers=headers) as admin,
    ):
        await call(admin, "POST", "users", {"usernames": everybody})
        # Each look for a user is a query.
        spawners = {name: hub.app.users[name].spawner for name in everybody}
        await each(lambda name: start(admin, spawners[name], name, KINDS[NAMES[name]].profile), NAMES)
        hub.kubernetes.phase = "Pending"
        for name in STARTING:
            spawners[name].start_timeout = 3600
        await each(lambda name: call(admin, "POST", f"users/{name}/server", {}), STARTING)
        yield hub, spawners
        hub.kubernetes.run()
        await until(lambda: not any(each.pending for each in spawners.values()), "the servers on their way", 120)
        await each(lambda name: call(admin, "DELETE", f"users/{name}"), everybody)


async def each(work: Callable[[str], Coroutine[Any, Any, None]], names: Iterable[str]) -> None:
    """Does it for each name, twenty at a time."""
    slots = asyncio.Semaphore(20)

    async def one(name: str) -> None:
        async with slots, asyncio.timeout(60):
            await work(name)

    await asyncio.gather(*map(one, names))


async def call(session: aiohttp.ClientSession, method: str, path: str, body: object = None) -> None:
    """One call of the REST API, which has to succeed."""
    async with session.request(method, path, json=body) as response:
        assert response.status < 300, await response.text()


async def start(admin: aiohttp.ClientSession, spawner: Any, name: str, profile: str) -> None:
    """Starts a server, which runs when this returns."""
    await call(admin, "POST", f"users/{name}/server", {"profile": profile})
    await until(lambda: spawner.ready, f"the server of {name}", 60)


def culler(hub: Hub, site: Site, clock: Callable[[aiohttp.ClientResponse], datetime]) -> Culler:
    """One that has the chart's rights, and to which the hub has been answering for long."""
    token = hub.folder / "culler-token"
    token.write_text(f"{SERVICES['coursehub-culler']}\n")
    made = Culler(f"{hub.app.hub.url}api", [token], site, clock)
    made._answering = float("-inf")
    return made


async def test_in_ten_hours_of_two_hundred_people_each_server_ends_at_its_time_and_none_at_another(
    full: tuple[Hub, dict[str, Any]],
) -> None:
    hub, spawners = full
    day = Day()
    site = await asyncio.to_thread(Site, hub.folder / "site", hub.folder / "courses", LOG)
    ending = culler(hub, site, day)
    for name, spawner in spawners.items():
        spawner.orm_spawner.started = day.begin.replace(tzinfo=None)
        reports = name in NAMES and KINDS[NAMES[name]].reports
        spawner.orm_spawner.last_activity = day.begin.replace(tzinfo=None) if reports else None
    hub.app.db.commit()
    used = dict.fromkeys(NAMES, day.begin)
    ended: dict[str, int] = {}
    async with aiohttp.ClientSession() as session:
        for day.minute in range(0, HOURS * 60 + 1, STEP):
            if day.minute == GONE_AT:
                await hub.write_courses(course_file("gone"))
                assert await asyncio.to_thread(site.refresh)
            for name in NAMES.keys() - ended.keys():
                if KINDS[NAMES[name]].active(day.minute):
                    used[name] = day.at(day.minute)
                # A server without activity sends the old moment again, at times.
                if KINDS[NAMES[name]].reports and (used[name] == day.at(day.minute) or day.minute % 60 == 0):
                    await report(session, hub, spawners[name], used[name])
            await ending.look()
            await until(lambda: not any(each.pending == "stop" for each in spawners.values()), "the ends")
            now = {name for name in NAMES if spawners[name].active}
            ended |= dict.fromkeys(NAMES.keys() - ended.keys() - now, day.minute)
    wrong = {name: (kind, ended.get(name)) for name, kind in NAMES.items() if ended.get(name) != KINDS[kind].ends}
    assert wrong == {}, f"{len(wrong)} of {len(NAMES)} servers"
    assert [name for name in STARTING if not spawners[name].active] == [], "servers that were starting"
    assert all(hub.app.users[name] for name in NAMES), "people are never removed"


async def report(session: aiohttp.ClientSession, hub: Hub, spawner: Any, used: datetime) -> None:
    """What a server tells, with its own token and in the words of jupyterhub-singleuser."""
    moment = used.isoformat().replace("+00:00", "Z")
    async with session.post(
        f"{hub.app.hub.url}api/users/{spawner.user.name}/activity",
        headers={"Authorization": f"token {spawner.api_token}"},
        json={"servers": {"": {"last_activity": moment}}, "last_activity": moment},
    ) as response:
        assert response.status == 200, await response.text()
