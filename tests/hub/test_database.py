"""The hub on a real PostgreSQL: what it keeps outlasts its restart, and comes back from a backup."""

import asyncio
import json
import logging
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from coursehub import layout
from coursehub.errors import Refused
from coursehub.hub import database
from coursehub.hub.admin import socket
from coursehub.hub.configure import configure
from coursehub.hub.notices.announcement import Announcement
from coursehub.hub.notices.store import AnnouncementStore
from coursehub.live.kept import CannotKeep, Kept
from traitlets.config import Config

from tests import ports, postgres
from tests.hub.conftest import SERVICES, Kubernetes, cluster, looking_apart, uid_of, until
from tests.hub.failing import POD, ended
from tests.hub.spawn_test import ON
from tests.postgres import Postgres
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).resolve().parents[2]
LOG = logging.getLogger("tests")
SPAWN_TEST = "coursehub-spawn-test"
BROKEN = COURSES[: COURSES.index("  statistics-lab")] + "  statistics-lab: {"


@dataclass
class Alone:
    """A hub in a process of its own; `url` is of its database."""

    folder: Path
    kubernetes: Kubernetes
    url: str
    pod_port: int
    tokens: dict[str, str] = field(default_factory=lambda: SERVICES | {"tests": secrets.token_hex(16)})
    port: int = field(default_factory=ports.free)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Its process; whether it answers is the caller's to see."""
        words = (self.folder, self.port, self.url, self.tokens)
        config = self.folder / "config.py"
        config.write_text(
            "from pathlib import Path, PosixPath\nfrom tests.hub.alone import configured\n"
            f"configured(c, {', '.join(map(repr, words))})\n"
        )
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "hooks"))),
            "KUBECONFIG": str(self.folder / "kubeconfig"),
            "TEST_POD_PORT": str(self.pod_port),
        }
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "jupyterhub", "--config", str(config)]
            self._process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    async def ready(self) -> None:
        """It answers."""

        async def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.said
            try:
                return (await self.call("GET", "health")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answers, "the hub", 120, 0.1)

    def kill(self) -> None:
        """It ends at once, as its node may."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def restart(self) -> None:
        """Another one takes its place."""
        self.kill()
        self.start()
        await self.ready()

    @property
    def said(self) -> str:
        """Its log."""
        return (self.folder / "log").read_text()

    async def call(self, method: str, path: str, body: object = None, service: str = "tests") -> httpx.Response:
        """The hub's answer to a service."""
        headers = {"Authorization": f"Bearer {self.tokens[service]}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/hub/", verify=False) as client:  # noqa: S501 - there is no TLS
            return await client.request(method, path, headers=headers, json=body, timeout=60)

    async def ask(self, question: str, **more: object) -> Any:
        """What it answers at its door."""
        text = json.dumps({"ask": question, **more})
        return json.loads(await asyncio.to_thread(socket.ask, text, self.folder / "door"))["answer"]

    async def knows(self) -> dict[str, Any]:
        """All that has to outlast a restart."""
        courses, logs = await self.ask("courses"), await self.ask("logs", user="maria")
        metrics = (await self.call("GET", "metrics", service="coursehub-metrics")).text
        tests = re.findall(r"^coursehub_spawn_test_(?:success|timestamp_seconds)\{.*$", metrics, re.MULTILINE)
        return {
            "courses": [(each["slug"], each["version"], each["since"]) for each in courses["courses"]],
            "announcements": (await self.ask("announcements"))["announcements"],
            "failures": logs["failures"],
            "spawn tests": sorted(tests),
            "saved": re.findall(r"^coursehub_state_saved (\S+)$", metrics, re.MULTILINE),
            "unsaved": (await self.ask("status"))["state"]["unsaved"],
        }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(postgresql: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Alone]:
    """A hub that began with an empty database."""
    if os.geteuid():
        pytest.skip("only root gives homes away")
    tmp_path = tmp_path_factory.mktemp("alone")
    for name in ("site", "courses", "secrets/provisioner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "site/site.yaml").write_text(f"{ON}servers: {{startsAtOnce: {{least: 1, most: 1}}}}\n")
    looker = looking_apart(tmp_path, tmp_path / "share")
    (tmp_path / "courses/main.yaml").write_text(COURSES)
    for name in ("maria", "jonas", "peter", "anna"):
        home = tmp_path / "share" / layout.home(uid_of(name), name)
        home.mkdir(parents=True)
        os.chown(home, uid_of(name), -1)
    for path in (part("data-analysis") for part in (layout.course_files, layout.course_data, layout.exchange)):
        (tmp_path / "share" / path).mkdir(parents=True)
    kubernetes = Kubernetes()
    _, pod_port, end = await cluster(kubernetes, tmp_path)
    hub = Alone(tmp_path, kubernetes, postgresql.create(f"hub_{secrets.token_hex(4)}"), pod_port)
    with looker.running():
        hub.start()
        await hub.ready()
        yield hub
        hub.kill()
    await end()


def commands(program: str) -> str:
    """The one line of the page that begins so."""
    page = (ROOT / "docs/admins/database.md").read_text()
    (line,) = (line for line in page.splitlines() if line.startswith(f"{program} "))
    return line


async def test_what_the_hub_knows_outlasts_its_restart_and_comes_back_with_the_databases_backup(
    alone: Alone, postgresql: Postgres
) -> None:
    said = {"text": "Down on Friday.", "level": "warning", "until": None, "dry_run": False}
    await alone.ask("announce", course=None, **said)
    report = {"course": "general", "ok": True, "seconds": 4, "reason": None}
    assert (await alone.call("POST", "coursehub/spawn-test", report, SPAWN_TEST)).status_code == 204
    await alone.call("POST", "api/users/maria")
    alone.kubernetes.phase = "Pending"
    await alone.call("POST", "api/users/maria/server", {"profile": "general"})
    await until(lambda: POD in alone.kubernetes.pods, "the pod")
    alone.kubernetes.becomes(POD, **ended("OOMKilled", 137))

    async def failed() -> bool:
        return bool((await alone.ask("logs", user="maria"))["failures"])

    await until(failed, "the record of the failure")
    before = await alone.knows()
    assert before["spawn tests"][0] == 'coursehub_spawn_test_success{course="general"} 1.0'
    assert (before["saved"], before["unsaved"]) == (["1.0"], None)

    (alone.folder / "courses/main.yaml").write_text(BROKEN)
    await alone.restart()
    assert await alone.knows() == before

    name = alone.url.rpartition("/")[2]
    environment = {**os.environ, "DATABASE": postgresql.url(name)}

    def type_in(line: str) -> None:
        subprocess.run(["bash", "-c", line], cwd=alone.folder, env=environment, check=True)

    type_in(commands("pg_dump"))
    await alone.ask("clear", course=None, dry_run=False)
    alone.kill()
    postgresql.query(name, "DELETE FROM coursehub_kept; DROP TABLE users CASCADE")
    type_in(commands("pg_restore"))
    alone.start()
    await alone.ready()
    assert await alone.knows() == before
    assert (await alone.call("GET", "api/users/maria")).status_code == 200


async def test_who_waits_for_their_turn_waits_on_in_their_old_order_when_the_hub_ends(alone: Alone) -> None:
    people = ("maria", "peter", "jonas", "anna")
    before = len(alone.kubernetes.made)
    alone.kubernetes.phase = "Pending"

    async def waiting() -> int:
        metrics = (await alone.call("GET", "metrics", service="coursehub-metrics")).text
        return int(float(re.findall(r"^coursehub_start_queue_waiting (\S+)$", metrics, re.MULTILINE)[0]))

    def made() -> list[str]:
        return [pod["metadata"]["name"].removeprefix("jupyter-") for pod in alone.kubernetes.made[before:]]

    async def ready() -> bool:
        users = [(await alone.call("GET", f"api/users/{name}")).json() for name in people]
        return all(user["server"] for user in users)

    for place, name in enumerate(people):
        await alone.call("POST", f"api/users/{name}")
        asked = await alone.call("POST", f"api/users/{name}/server", {"profile": "general"})
        assert asked.status_code == 202, asked.text

        async def waits(place: int = place) -> bool:
            return await waiting() == place and len(made()) == 1

        await until(waits, f"{name} in their place")
    kept = Kept(database.place(configured(alone.url), alone.folder), LOG)
    await until(lambda: all(name in (kept.read("start-queue.json") or b"").decode() for name in people), "all kept")
    await alone.restart()
    alone.kubernetes.run()
    await until(ready, "everybody's server")
    # The one whose start was under way is cleared up first.
    assert sorted(made()[1:]) == sorted(people)
    assert [name for name in made() if name != "maria"] == ["peter", "jonas", "anna"]

    def nobody() -> bool:
        return not any(json.loads(kept.read("start-queue.json") or b"").values())

    await until(nobody, "nobody waits")
    for name in people:
        assert (await alone.call("DELETE", f"api/users/{name}/server")).status_code in (202, 204)


async def test_a_hub_whose_database_restarts_goes_on_and_keeps_what_changed_meanwhile(
    alone: Alone, postgresql: Postgres
) -> None:
    name = alone.url.rpartition("/")[2]
    await alone.call("POST", "api/users/jonas")

    async def unsaved() -> str | None:
        found: str | None = (await alone.ask("status"))["state"]["unsaved"]
        return found

    async def only() -> bool:
        return [each["slug"] for each in (await alone.ask("courses"))["courses"]] == ["only"]

    async def saved() -> bool:
        return await unsaved() is None

    async def answers() -> bool:
        return (await alone.call("GET", "api/users/jonas")).status_code == 200

    with postgresql.away():
        (alone.folder / "courses/main.yaml").write_text("courses:\n  only: {name: Only, students: everyone}\n")
        await until(only, "the new course file")
        assert "Connection refused" in str(await unsaved())
        assert not await answers()
    await until(saved, "what changed is kept")
    assert "only" in postgresql.query(name, "SELECT encode(content, 'escape') FROM coursehub_kept")
    await until(answers, "the hub's own tables")


async def test_what_fails_while_the_database_is_away_is_kept_when_it_is_back(
    postgresql: Postgres, tmp_path: Path
) -> None:
    place = database.place(configured(postgresql.create("away")), tmp_path)
    kept = Kept(place, LOG)
    announcements = AnnouncementStore(kept, LOG)
    with postgresql.away():
        kept.keep("live.jsonl", b"one")
        assert kept.read("live.jsonl") == b"one"
        assert "Connection refused" in str(kept.unsaved)
        with pytest.raises(Refused, match=r"it cannot be kept \(the hub's database: .*Connection refused"):
            await announcements.put(Announcement(text="Down on Friday."))
    kept.again()
    assert kept.unsaved is None
    assert place.read("live.jsonl") == b"one"
    assert announcements.all() == AnnouncementStore(kept, LOG).all() == []


def configured(url: str) -> Config:
    c = Config()
    c.JupyterHub.db_url = url
    # What a site may set for JupyterHub's own connections.
    c.JupyterHub.db_kwargs.update({"pool_size": 2, "max_overflow": 0, "connect_args": {"application_name": "tests"}})
    return c


async def test_its_table_keeps_many_megabytes_each_name_alone_and_as_another_process_sees_it(
    postgresql: Postgres, tmp_path: Path
) -> None:
    c = configured(postgresql.create("names"))
    one, other = database.place(c, tmp_path), database.place(c, tmp_path)
    large = os.urandom(8 * 2**20)
    for name, content in (
        ("live.jsonl", large),
        ("failures/a_b.json", b"\0"),
        ("failures/a.b.json", b""),
        ("fail", b"x"),
    ):
        one.write(name, b"before")
        other.write(name, content)
        assert one.read(name) == content
    assert sorted(one.names("failures")) == ["failures/a.b.json", "failures/a_b.json"]
    for _ in range(2):
        other.remove("failures/a_b.json")
    assert one.read("failures/a_b.json") is None
    assert one.names("fail") == []
    assert one.lost is None


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        pytest.param(lambda url: url.replace("hub@", "hub:secret-2@"), "password authentication failed", id="password"),
        pytest.param(lambda url: re.sub(r":\d+/", ":1/", url), "Connection refused", id="away"),
        pytest.param(lambda url: f"{url}-not", 'database "refused-not" does not exist', id="no database"),
    ],
)
async def test_a_hub_whose_database_refuses_does_not_start_and_says_why_without_the_password(
    bend: Callable[[str], str], said: str, postgresql: Postgres, tmp_path: Path
) -> None:
    url = postgresql.url("refused", "+psycopg2")
    (tmp_path / "site").mkdir()
    with pytest.raises(SystemExit) as ended:
        configure(configured(bend(url)), config=tmp_path)
    assert said in str(ended.value)
    assert "see jupyterhub.hub.db" in str(ended.value)
    assert "secret-2" not in str(ended.value)
    assert postgres.PASSWORD not in str(ended.value)


async def test_a_user_who_may_make_no_table_is_told(postgresql: Postgres, tmp_path: Path) -> None:
    postgresql.query("postgres", "CREATE DATABASE foreign_one")
    postgresql.query("foreign_one", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(CannotKeep, match="permission denied for schema public"):
        database.place(configured(postgresql.url("foreign_one", "+psycopg2")), tmp_path)
