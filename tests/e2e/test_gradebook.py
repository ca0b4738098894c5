"""A course whose gradebook is a database of a real PostgreSQL of this machine: from release to export."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from ci.cluster.network import NODE_IP
from tests import postgres
from tests.postgres import Postgres

from .assignment import COURSE, nbgrader, put, release, scores, solve
from .cluster import COURSES, Installation
from .person import Person

pytestmark = pytest.mark.alone

LogIn = Callable[[str], Person]
SECRET = "coursehub-gradebooks"
PASSWORD = "p@ss:w/rd% #1"
LIST = "cd /course; nbgrader db student list 2>&1; echo exit=$?"
# What a submission sees of it, where it is executed.
LOOKS = """
import os, socket

def is_open():
    try:
        socket.create_connection(ADDRESS, 3).close()
    except OSError:
        return False
    return True

print("SEEN", [name for name in os.environ if "GRADEBOOK" in name], is_open())

def square(x):
    return x * x
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.serve(NODE_IP) as running:
        running.query("postgres", f"CREATE ROLE analysis LOGIN PASSWORD '{PASSWORD}'")
        running.query("postgres", "CREATE DATABASE analysis OWNER analysis")
        yield running


@pytest.fixture
def on_postgresql(installation: Installation, server: Postgres, tmp_path: Path) -> Iterator[None]:
    """The course's gradebook is there, but for its Secret; afterwards all is as `make up` made it."""
    installation.kubectl("delete", "secret", SECRET, "--ignore-not-found")
    courses = tmp_path / "courses.yaml"
    mine = "    gid: 70102\n"
    text = COURSES.read_text()
    assert text.count(mine) == 1
    courses.write_text(text.replace(mine, f"{mine}    nbgrader: {{gradebook: postgresql}}\n"))
    gradebooks = {"to": [{"ipBlock": {"cidr": f"{NODE_IP}/32"}}], "ports": [server.port]}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"network": {"gradebooks": gradebooks}}))
    with installation.upgraded(courses, "--values", str(values)):
        yield
    installation.kubectl("delete", "secret", SECRET, "--ignore-not-found")


def give_the_address(installation: Installation, server: Postgres, folder: Path) -> None:
    """As an admin does it."""
    (folder / "secrets/gradebooks").mkdir(parents=True)
    file = folder / "secrets/gradebooks" / COURSE
    file.touch(0o600)
    file.write_text(f"postgresql://analysis:{quote(PASSWORD, safe='')}@{NODE_IP}:{server.port}/analysis\n")
    applied = installation.command("secrets", "apply", str(folder / "secrets"))
    assert applied.returncode == 0, applied.stderr
    assert f"secret {SECRET} in {installation.namespace}: made" in applied.stdout


def seen(person: Person, server: Postgres) -> tuple[str, bool]:
    """The names of variables that concern gradebooks, and whether the database can be reached."""
    names = person.terminal("env | grep -o '^[A-Z_]*GRADEBOOK[A-Z_]*' | sort | xargs echo")
    way = f"timeout 5 bash -c '</dev/tcp/{NODE_IP}/{server.port}' 2>/dev/null && echo open || echo closed"
    return names.strip(), person.terminal(way).strip() == "open"


def test_a_gradebook_that_is_a_database_serves_its_instructors_from_release_to_export_and_nobody_else(
    log_in: LogIn, installation: Installation, server: Postgres, on_postgresql: None, empty_course: Path, tmp_path: Path
) -> None:
    peter, otto, tom = log_in("peter"), log_in("otto"), log_in("tom")
    peter.start(f"{COURSE}--instructor")
    said = peter.terminal(LIST)
    assert said.endswith("exit=1"), said
    sentence = " ".join(said.split())
    assert f"into the Secret {SECRET}, as the key {COURSE}" in sentence
    assert "Traceback" not in said

    give_the_address(installation, server, tmp_path)
    peter.stop()
    peter.start(f"{COURSE}--instructor")
    release(peter)
    assert seen(peter, server) == ("COURSEHUB_GRADEBOOK COURSEHUB_GRADEBOOK_URL", True)

    tom.start(COURSE)
    assert seen(tom, server) == ("", False)
    nbgrader(tom, "fetch_assignment one")
    solve(tom, "x * x")
    path = f"/home/tom/{COURSE}/one/a.ipynb"
    content = tom.server("GET", f"/api/contents{path}").json()["content"]
    content["cells"][0]["source"] = LOOKS.replace("ADDRESS", repr((NODE_IP, server.port)))
    put(tom, path, content)
    nbgrader(tom, "submit one")

    nbgrader(peter, "collect one")
    nbgrader(peter, "autograde one", 300)
    assert scores(peter) == {"tom": 2}
    graded = json.loads((empty_course / "autograded/tom/one/a.ipynb").read_text())
    assert "SEEN [] False" in str(graded["cells"][0]["outputs"]), "what is executed knows of the gradebook"
    assert server.query("analysis", "SELECT student_id FROM submitted_assignment") == "tom"

    otto.start(f"{COURSE}--grading")
    assert seen(otto, server) == ("COURSEHUB_GRADEBOOK COURSEHUB_GRADEBOOK_URL", True)
    assert "tom" in nbgrader(otto, "db student list")
    (grade,) = server.query("analysis", "SELECT id FROM grade WHERE needs_manual_grade").splitlines()
    answer = otto.server("PUT", f"/formgrader/api/grade/{grade}", {"manual_score": 1.5, "extra_credit": None})
    assert answer.status_code == 200, answer.text
    exported = peter.terminal(f"cd /tmp; coursehub grades export {COURSE} --output=g.csv 2>&1 && cat g.csv")
    rows = list(csv.reader(io.StringIO(exported)))
    assert any("tom" in row and "3.5" in row for row in rows), exported
    assert (empty_course / "gradebook.db").stat().st_size == 0, "something went into the file"

    with server.away():
        said = peter.terminal(LIST)
    assert said.endswith("exit=1"), said
    assert "cannot be used now" in said
    assert "p@ss" not in said
    assert "Traceback" not in said
    assert "tom" in nbgrader(peter, "db student list")
