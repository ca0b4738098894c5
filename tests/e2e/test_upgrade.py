"""`helm upgrade` and `helm rollback` with ten live servers: each server, each secret and the database outlive both.

What is upgraded is the chart of an earlier version, kept in earlier/ as it was: its package came by ConfigMap, and an
init container copied the database.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub import layout

from tests.chart.helm import at, merged

from .cluster import CHART, COURSES, PROGRAM, ROOT, Installation, until
from .person import Person

pytestmark = pytest.mark.alone

CROWD = {f"pupil{number}": 20100 + number for number in range(1, 11)}
EARLIER = Path(__file__).parent / "earlier"
# What makes an upgrade restart the proxy, too.
SMALLER_PROXY = {"jupyterhub": {"proxy": {"chp": {"resources": {"limits": {"memory": "300Mi"}}}}}}
ROWS = """
import json, sqlite3
database = sqlite3.connect("file:/srv/jupyterhub/jupyterhub.sqlite?mode=ro", uri=True)
users = database.execute("select id, name, cookie_id from users").fetchall()
# Those of others may end meanwhile.
theirs = "select id from users where name like 'pupil%'"
tokens = f"select prefix, hashed from api_tokens where user_id in ({theirs})"
print(json.dumps([users, database.execute(tokens).fetchall()]))
"""
Rows = set[tuple[Any, ...]]


def _helm(installation: Installation, *arguments: str) -> str:
    command = ["helm", *arguments, "--namespace", installation.namespace]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _revision(installation: Installation) -> int:
    return int(json.loads(_helm(installation, "history", "coursehub", "--output", "json"))[-1]["revision"])


def _secrets(installation: Installation) -> dict[tuple[str, str], str]:
    """Each secret value of the release by object and key; the hub's Secret holds its configuration too, left out."""
    found: dict[tuple[str, str], str] = {}
    for namespace in (installation.namespace, f"{installation.namespace}-storage"):
        listed = json.loads(installation.kubectl(f"--namespace={namespace}", "get", "secrets", "--output=json"))
        for each in listed["items"]:
            if not each["type"].startswith("helm.sh/"):
                name = f"{namespace}/{each['metadata']['name']}"
                found |= {(name, key): value for key, value in each.get("data", {}).items() if key != "values.yaml"}
    return found


def _rows(installation: Installation) -> tuple[Rows, Rows]:
    """People, and the tokens of people and of their servers."""
    said = installation.kubectl("exec", "deployment/hub", "--container=hub", "--", "python3", "-c", ROWS)
    users, tokens = json.loads(said)
    return set(map(tuple, users)), set(map(tuple, tokens))


def _pods(installation: Installation) -> dict[str, str]:
    """The uid of each pod of the crowd."""
    found = {name: installation.pod_of(name) for name in CROWD}
    return {name: pod["metadata"]["uid"] for name, pod in found.items() if pod is not None}


def _all_answer(people: list[Person]) -> bool:
    return all(person.reaches_server() for person in people)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("upgrade")


@pytest.fixture(scope="module")
def crowd_values(installation: Installation, folder: Path) -> Iterator[Path]:
    """A site with ten more people, who are gone afterwards."""
    people = {name: {"uid": uid, "gid": uid} for name, uid in CROWD.items()}
    values = {
        "identity": {"file": {"people": people}},
        "general": {"resources": {"guarantee": {"cpu": 0.01, "memory": "64M"}}},
        "jupyterhub": {"hub": {"config": {"Authenticator": {"allowed_users": [*installation.people, *CROWD]}}}},
    }
    file = folder / "crowd.yaml"
    file.write_text(yaml.safe_dump(values))
    yield file
    installation.helm(COURSES)
    until(installation.hub_is_ready, 90, "the hub as before")
    sofia = Person(installation.url, "sofia", installation.password)
    for name, uid in CROWD.items():
        assert sofia.api("DELETE", f"/users/{name}").status_code in (204, 404)
        shutil.rmtree(installation.share / layout.home(uid, name), ignore_errors=True)
    # Who has a home is listed beside the homes.
    made = Path(installation.kubeconfig).parent / "values.json"
    sites = ("--site", ROOT / "values/local.yaml", "--site", made)
    root = ("--root", installation.share)
    subprocess.run([PROGRAM, "storage", "ensure", *root, *sites, COURSES], check=True, capture_output=True)


@pytest.fixture(scope="module")
def earlier(installation: Installation, crowd_values: Path, folder: Path) -> int:
    """The revision of the release before the upgrade, with the chart of then in front of the same z2jh."""
    with tarfile.open(EARLIER / "coursehub.tgz") as archive:
        archive.extractall(folder, filter="data")
    chart = folder / "chart"
    shutil.copytree(CHART / "charts", chart / "charts")
    defaults = yaml.safe_load((chart / "values.yaml").read_text())["jupyterhub"]["hub"]
    made = yaml.safe_load((Path(installation.kubeconfig).parent / "values.json").read_text())
    image = "{name}:{tag}".format(**made["jupyterhub"]["hub"]["image"])
    copies = [each | {"image": image} for each in defaults["initContainers"]]
    more = folder / "earlier.yaml"
    more.write_text(yaml.safe_dump(merged(SMALLER_PROXY, at("jupyterhub.hub.initContainers", copies))))
    installation.helm(
        COURSES, "--values", str(crowd_values), "--values", str(more), chart=chart, site=EARLIER / "local.yaml"
    )
    until(installation.hub_is_ready, 90, "the hub before the upgrade")
    assert "coursehub-hooks" in installation.kubectl("get", "configmaps", "--output=name")
    return _revision(installation)


@pytest.fixture
def people(installation: Installation, earlier: int) -> Iterator[list[Person]]:
    """Ten people, each with a running server."""
    found = [Person(installation.url, name, installation.password) for name in CROWD]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda person: person.start("general"), found))
        yield found
        list(threads.map(Person.stop, found))


def test_ten_servers_all_secrets_and_the_database_outlive_an_upgrade_and_its_rollback(
    installation: Installation, earlier: int, crowd_values: Path, people: list[Person]
) -> None:
    kernels = [person.kernel() for person in people[:2]]
    for kernel in kernels:
        assert kernel.run("kept = 41") == ""
    pods, secrets, (users, tokens) = _pods(installation), _secrets(installation), _rows(installation)
    assert len(pods) == len(CROWD)
    assert set(CROWD) <= {name for _, name, _ in users}
    assert len(tokens) >= 2 * len(CROWD)
    assert any(name == (f"{installation.namespace}/hub", "hub.config.JupyterHub.cookie_secret") for name in secrets)

    def upgrade() -> None:
        installation.helm(COURSES, "--values", str(crowd_values))

    def rollback() -> None:
        _helm(installation, "rollback", "coursehub", str(earlier), "--wait", "--timeout", "3m")

    for change in (upgrade, rollback):
        hub, proxy = installation.hub(), _proxy(installation)
        change()
        until(installation.hub_is_ready, 120, "the hub")
        assert installation.hub() != hub, "the hub was not replaced"
        with_hooks = "coursehub-hooks" in installation.kubectl("get", "configmaps", "--output=name")
        assert with_hooks == (change is rollback), "the package does not come as its chart has it"
        assert _proxy(installation) != proxy, "the proxy was not replaced, so this shows less than an upgrade can do"
        until(lambda: _all_answer(people), 60, "each server answering through the proxy", every=2)
        assert _pods(installation) == pods, "a server was replaced"
        assert _secrets(installation) == secrets, "a secret is another"
        now_users, now_tokens = _rows(installation)
        assert users <= now_users, "people are missing from the database"
        assert tokens <= now_tokens, "tokens are missing from the database"
        _still_logged_in(people)
        for kernel in kernels:
            assert until(partial(kernel.printed, "print(kept + 1)"), 60, "a kernel's websocket") == "42\n"


@pytest.mark.usefixtures("earlier")
def test_values_that_helm_kept_of_the_earlier_chart_are_named_with_what_to_write(installation: Installation) -> None:
    """The test before this one leaves what it began with, by its rollback."""
    command = ["helm", "upgrade", "coursehub", str(CHART), "--namespace", installation.namespace, "--reuse-values"]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for key in ("hub.extraVolumes: coursehub-hooks", "hub.extraVolumeMounts: coursehub-hooks"):
        assert f"- jupyterhub.{key} is no more, since the hub's image holds the package; take it out" in done.stderr
    assert "- jupyterhub.hub.initContainers: coursehub-database is no more" in done.stderr
    assert "upgrade with --reset-then-reuse-values in the place of --reuse-values" in done.stderr


@pytest.mark.usefixtures("earlier")
def test_make_up_goes_on_from_an_upgrade_that_was_killed(installation: Installation, tmp_path: Path) -> None:
    """Of that one, helm itself says for ever that it is in progress; the chart of before is still there."""

    def in_its_midst() -> str:
        midst = "--selector=owner=helm,name=coursehub,status=pending-upgrade"
        return installation.kubectl("get", "secrets", midst, "--output=name")

    with installation.upgrading(COURSES) as helm:
        until(in_its_midst, 60, "the upgrade in its midst", every=0.1)
        helm.kill()
    assert in_its_midst()
    # Whichever of upstream's chart and the stand-in is installed is so afterwards.
    shutil.copytree(CHART / "charts/jupyterhub", tmp_path / "jupyterhub")
    environment = {**os.environ, "Z2JH_CHART": str(tmp_path / "jupyterhub")}
    command = [sys.executable, "-m", "ci.deploy", "up"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Installation.here().chart == installation.chart, "another chart is installed"
    assert not in_its_midst()
    assert installation.hub_is_ready()


def _proxy(installation: Installation) -> str:
    (pod,) = installation.pods("component=proxy")
    return str(pod["metadata"]["uid"])


def _still_logged_in(people: list[Person]) -> None:
    """By the browser's cookie, and by the token, for both of which the new hub asks its database."""
    for person in people:
        until(person.has_server, 60, f"the hub knows the server of {person.name}")
        answer = person.client.get("/hub/api/user", headers={"Authorization": f"token {person.token}"})
        assert answer.json()["name"] == person.name
