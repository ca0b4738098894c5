"""The hub's database, damaged while servers run and put back as docs/admins/database.md says, word for word."""

import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .cluster import ROOT, Installation, until
from .person import Person

pytestmark = pytest.mark.alone

BACKUPS = "/srv/jupyterhub/backups"
FILE = "/srv/jupyterhub/jupyterhub.sqlite"
DAMAGE = f"import os; f = open('{FILE}', 'r+b'); f.write(b'x' * os.path.getsize(f.name))"
OLDER = f"""
import re, datetime, pathlib
stamp = "%Y%m%dT%H%M%SZ"
for path in sorted(pathlib.Path('{BACKUPS}').glob("*.sqlite")):
    kind, time = re.fullmatch(r"(\\w+)-(\\w+)", path.stem).groups()
    older = datetime.datetime.strptime(time, stamp) - datetime.timedelta(hours=1)
    path.rename(path.with_stem(f"{{kind}}-{{older.strftime(stamp)}}"))
"""
IN_HUB = ("exec", "deployment/hub", "--container", "hub", "--")


def commands() -> list[str]:
    """The lines with which the page puts a copy back."""
    (block,) = re.findall(r"(?s)To put a copy back, .*?```\n(.*?)```", (ROOT / "docs/admins/database.md").read_text())
    lines: list[str] = block.splitlines()
    return lines


@pytest.fixture
def type_in(installation: Installation) -> Callable[[str], str]:
    """Runs a line of the page in a shell, as an admin would."""

    def type_in(line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line], env=installation.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    return type_in


@pytest.fixture
def request_taken_away(installation: Installation) -> Iterator[None]:
    """Whatever a test asked for, the next one begins with a hub that nothing is asked of."""
    yield
    installation.kubectl("set", "env", "deployment/hub", "--containers", "hub", "COURSEHUB_RESTORE-")
    installation.kubectl("rollout", "status", "deployment/hub", "--timeout", "5m")
    until(installation.hub_is_ready, 90, "the hub as before")


def _an_hour_passes(installation: Installation) -> None:
    """The copies that are there are an hour older than they were, so that the next start makes another."""
    installation.kubectl(*IN_HUB, "python3", "-c", OLDER)


def _restart(installation: Installation) -> None:
    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub")
    until(lambda: installation.hub_is_ready_after(before), 90, "a new hub")


def _said(installation: Installation) -> str:
    """What the container of the one hub pod said so far, before its last restart too."""
    pods = installation.pods("component=hub")
    if len(pods) != 1:
        return ""
    log = ("logs", pods[0]["metadata"]["name"], "--container", "hub")
    return installation.kubectl(*log, "--previous", check=False) + installation.kubectl(*log, check=False)


@pytest.fixture(scope="module")
def pod(installation: Installation) -> Iterator[dict[str, Any]]:
    """The pod of maria's server, which the newest copy knows."""
    maria = Person(installation.url, "maria", installation.password)
    maria.stop()
    maria.start("python-intro")
    found = installation.pod_of("maria")
    assert found is not None
    _an_hour_passes(installation)
    _restart(installation)
    yield found
    until(installation.hub_is_ready, 90, "a hub to stop the server")
    maria.stop()


@pytest.mark.usefixtures("pod")
def test_database_and_copies_are_for_the_hubs_user_alone(installation: Installation) -> None:
    said = _said(installation)
    name = re.search(r"copied to (\S+)", said)
    assert name, said
    paths = ("/srv/jupyterhub", BACKUPS, FILE, f"{BACKUPS}/{name[1]}")
    seen = installation.kubectl(*IN_HUB, "stat", "-c", "%a %u", *paths)
    assert seen.splitlines() == ["700 1000", "700 1000", "600 1000", "600 1000"]
    kept = installation.kubectl(*IN_HUB, "ls", BACKUPS).split()
    assert 1 <= len([each for each in kept if each.startswith("jupyterhub-")]) <= 5


@pytest.mark.usefixtures("request_taken_away")
def test_a_damaged_database_is_put_back_while_a_server_runs_on(
    pod: dict[str, Any], installation: Installation, type_in: Callable[[str], str]
) -> None:
    look, put_back, wait, take_away = commands()
    installation.kubectl(*IN_HUB, "python3", "-c", DAMAGE)
    installation.kubectl("delete", "pod", "--selector", "component=hub")
    until(lambda: "WARNING the database is damaged" in _said(installation), 90, "the damage in the log")
    assert "  jupyterhub-" in type_in(look), "the page's command shows no copy"

    type_in(put_back)
    type_in(wait)
    assert re.search(r"put jupyterhub-\S+ back", type_in(look))
    until(installation.hub_is_ready, 90, "the hub again")
    _knows_the_server_of_maria(installation, pod)

    before = installation.hub()
    type_in(take_away)
    until(lambda: installation.hub_is_ready_after(before), 90, "the hub without the request")
    assert "is not an hour old" in type_in(look)
    _knows_the_server_of_maria(installation, pod)


def _knows_the_server_of_maria(installation: Installation, pod: dict[str, Any]) -> None:
    now = installation.pod_of("maria")
    assert now is not None, "the server is gone"
    assert now["metadata"]["uid"] == pod["metadata"]["uid"], "the server was replaced"
    maria = Person(installation.url, "maria", installation.password)
    until(maria.has_server, 60, "the hub knows the server")
    assert maria.server("GET", "/api/status").status_code == 200


@pytest.mark.usefixtures("request_taken_away")
def test_a_copy_that_is_not_there_starts_no_hub_and_its_log_names_those_that_are(installation: Installation) -> None:
    asked = "COURSEHUB_RESTORE=yesterday"
    installation.kubectl("set", "env", "deployment/hub", "--containers", "hub", asked)
    said = "coursehub: yesterday: no such copy; write COURSEHUB_RESTORE with one of: newest, jupyterhub-"
    until(lambda: said in _said(installation), 90, "the refusal in the log")
    assert not installation.hub_is_ready()
