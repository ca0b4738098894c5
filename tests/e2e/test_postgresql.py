"""The hub on a real PostgreSQL of this machine: what it knows outlasts its pod, and comes back from a dump."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci.cluster.network import NODE_IP
from tests import postgres
from tests.postgres import Postgres

from .cluster import COURSES, ROOT, Installation, until
from .person import Person

pytestmark = pytest.mark.alone

PAGE = (ROOT / "docs/admins/database.md").read_text()
SECRET = "coursehub-database"
DOWN = "The hub is down on Friday."


def block(before: str) -> list[str]:
    """The lines of commands behind these words of the page."""
    (text,) = re.findall(rf"(?s){re.escape(before)}.*?```\n(.*?)```", PAGE)
    lines: list[str] = text.splitlines()
    return lines


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.serve(NODE_IP) as running:
        running.create("hub")
        yield running


@pytest.fixture(scope="module")
def moved(installation: Installation, server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The installation with its database on that server; afterwards as `make up` made it."""
    installation.kubectl("delete", "secret", SECRET, "--ignore-not-found")
    installation.kubectl("create", "secret", "generic", SECRET, f"--from-literal=password={postgres.PASSWORD}")
    reference = {"secretKeyRef": {"name": SECRET, "key": "password"}}
    hub = {
        "db": {"type": "postgres", "url": server.url("hub", "+psycopg2")},
        "extraEnv": {"PGPASSWORD": {"valueFrom": reference}},
    }
    values = tmp_path_factory.mktemp("postgresql") / "values.yaml"
    values.write_text(yaml.safe_dump({"jupyterhub": {"hub": hub}}))
    with installation.upgraded(COURSES, "--values", str(values)):
        until(installation.hub_is_ready, 120, "the hub on PostgreSQL")
        yield
    installation.kubectl("delete", "secret", SECRET)
    until(installation.hub_is_ready, 120, "the hub as before")


@pytest.fixture
def type_in(installation: Installation, server: Postgres, tmp_path: Path) -> Callable[[str], None]:
    """Runs a line of the page in a shell, as an admin would, but for where the database is."""
    environment = installation.environment | {"DATABASE": server.url("hub"), "PGPASSWORD": postgres.PASSWORD}

    def type_in(line: str) -> None:
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"

    return type_in


@pytest.fixture
def maria(installation: Installation, moved: None) -> Iterator[Person]:
    """Somebody with a running server."""
    found = Person(installation.url, "maria", installation.password)
    found.stop()
    found.start("python-intro")
    yield found
    until(installation.hub_is_ready, 120, "a hub to stop the server")
    Person(installation.url, "maria", installation.password).stop()


def announced(installation: Installation) -> list[str]:
    return [each["text"] for each in json.loads(installation.coursehub("announce", "--list", "--json"))]


def state(installation: Installation) -> dict[str, Any]:
    """What `coursehub status` says of what is kept."""
    (line,) = (each for each in json.loads(installation.coursehub("status", "--json")) if each["what"] == "state")
    return dict(line)


def versions(installation: Installation) -> list[tuple[str, str]]:
    courses = json.loads(installation.coursehub("course", "list", "--json"))["courses"]
    return [(each["slug"], each["since"]) for each in courses]


def test_what_the_hub_knows_outlasts_its_pod_and_comes_back_from_a_dump_while_a_server_runs_on(
    installation: Installation, maria: Person, type_in: Callable[[str], None]
) -> None:
    pod = installation.pod_of("maria")
    assert pod is not None
    installation.coursehub("announce", DOWN)
    live = versions(installation)
    assert state(installation) == {"what": "state", "said": "outlasts a restart of the hub", "todo": None}

    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub")
    until(lambda: installation.hub_is_ready_after(before), 120, "a new hub")
    assert announced(installation) == [DOWN]
    assert versions(installation) == live
    until(maria.has_server, 60, "the hub knows the server")

    (_, dump) = block("The image makes no copies then.")
    type_in(dump)
    installation.coursehub("announce", "--clear")
    for line in block("To put it back, while everybody's servers run on:"):
        type_in(line)
    until(installation.hub_is_ready, 120, "the hub after the restore")
    assert announced(installation) == [DOWN]
    assert versions(installation) == live
    until(maria.has_server, 60, "the hub knows the server")
    now = installation.pod_of("maria")
    assert now is not None
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    assert maria.server("GET", "/api/status").status_code == 200


def test_a_database_that_is_away_is_said_and_what_was_to_be_kept_is_kept_when_it_is_back(
    installation: Installation, moved: None, server: Postgres
) -> None:
    hub = installation.hub()
    with server.away():
        refused = installation.command("announce", DOWN)
        assert refused.returncode != 0
        assert "the hub's database" in refused.stdout + refused.stderr
    until(lambda: installation.command("announce", DOWN).returncode == 0, 120, "an announcement")
    assert installation.hub() == hub, "the hub restarted"
    assert state(installation)["todo"] is None
