"""A course file's way to the running hub: what a line of it does, and what a bad line does not."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .browsing import log_in_by_browser
from .cluster import COURSES, ROOT, Installation, until
from .course_files import live, written
from .person import Person, said

LogIn = Callable[[str], Person]

EVIL = """<script>document.title='owned'</script>"><img src=x onerror="document.title='owned'"> {{7*7}} {x} {"""
TERM = """a $(id>/tmp/y20) `id` $HOME $$ ${PATH} {x} {{ }} "q" 'q' \\ ü"""
STUB = """# $(touch /tmp/y20) `id` {x} "q"\nraise NotImplementedError()"""
# JSON is YAML, and quotes whatever is in it.
RICH: dict[str, Any] = {
    "name": EVIL,
    "description": EVIL,
    "gid": 70104,
    "instructors": ["@laboratory"],
    "students": ["lena", "nils"],
    "image": "python",
    "resources": {"cpu": 1, "memory": "700M", "guarantee": {"memory": "200M"}, "node": "large"},
    "data": "read-write",
    "umask": "0022",
    "nbgrader": {"execute_timeout": 77, "code_stub": {"python": STUB}},
    "groups": {"student": ["licensed"]},
    "environment": {"COURSE_TERM": TERM},
    "instructor": {"environment": {"COURSE_TERM": "spring"}},
}
LATER = {"name": "Later", "students": ["olga"], "open": "2999-01-01"}


def upgrade(installation: Installation, courses: Path, done: Callable[[], object], what: str) -> None:
    """`helm upgrade` with the course file, until it is `done`; test_configmaps shows how long that takes."""
    installation.helm(courses)
    until(done, 110, what)


@pytest.fixture(scope="module")
def courses(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course file with a course that uses every key, one that opens later, and one with a mistake."""
    path = tmp_path_factory.mktemp("courses") / "courses.yaml"
    written(path, rich=RICH, later=LATER)
    state = Path(installation.kubeconfig).parent
    sites = [word for file in ("values/local.yaml", state / "values.json") for word in ("--site", str(file))]
    command = [".venv/bin/coursehub", "storage", "ensure", "--root", str(installation.share), *sites, str(path)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    before = installation.hub()
    written(path, rich=RICH, later=LATER, broken={"name": "Broken", "gid": 0})
    upgrade(installation, path, lambda: "rich" in live(installation), "the new courses live")
    assert installation.hub() == before, "the hub was restarted"
    yield path
    upgrade(installation, COURSES, lambda: "rich" not in live(installation), "the courses as before")
    for above in ("course", "exchange"):
        shutil.rmtree(installation.share / above / "rich")


@pytest.mark.usefixtures("courses")
def test_a_bad_course_is_told_and_hurts_no_other(log_in: LogIn, installation: Installation) -> None:
    rows = live(installation)
    assert rows["broken"]["version"] is None
    assert "course 'broken': gid: write 1000 or more, not 0" in rows["broken"]["problem"]
    assert all(rows[slug]["version"] for slug in ("python-intro", "data-analysis", "rich"))
    assert "broken" not in log_in("olga").choices()
    metrics = log_in("sofia").metrics()
    assert metrics["coursehub_courses_load_error"] == 1
    assert metrics[f'coursehub_course_info{{course="rich",version="{rows["rich"]["version"]}"}}'] == 1


@pytest.mark.usefixtures("courses")
def test_each_key_of_a_course_is_what_its_students_server_has(log_in: LogIn, installation: Installation) -> None:
    """Y20"""
    lena = log_in("lena")
    lena.start("rich")
    assert lena.terminal("id; umask") == (
        "uid=20004(lena) gid=20004(lena) groups=20004(lena),70001(teaching),70002(licensed)\n0022"
    )
    look = "import os; print(os.environ['COURSE_TERM'].encode().hex()); print(os.environ['COURSEHUB_NBGRADER'])"
    term, nbgrader = lena.kernel().run(look).splitlines()
    assert bytes.fromhex(term).decode() == TERM
    assert json.loads(nbgrader) == {
        "ClearSolutions": {"code_stub": {"python": STUB}},
        "ExecutePreprocessor": {"timeout": 77},
    }
    assert lena.terminal("ls /tmp/y20 2>&1").endswith("No such file or directory")
    assert (
        lena.terminal("touch /coursedata/mine && stat -c '%a %U' /coursedata/mine; rm /coursedata/mine") == "644 lena"
    )

    pod = installation.pod_of("lena")
    assert pod is not None
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"] == {
        "cpu": "1",
        "memory": str(700 * 2**20),
        "ephemeral-storage": str(2**30),
    }
    assert container["resources"]["requests"]["memory"] == str(200 * 2**20)
    assert pod["spec"]["nodeSelector"]["kubernetes.io/os"] == "linux"
    assert "teaching.example.edu/large" in [each.get("key") for each in pod["spec"]["tolerations"]]


@pytest.mark.usefixtures("courses")
def test_what_explain_says_is_what_the_pod_is(log_in: LogIn, installation: Installation) -> None:
    log_in("rosa").start("rich--instructor")
    pod = installation.pod_of("rosa")
    assert pod is not None
    asked = ("--user", "rosa", "--course", "rich", "--role", "instructor", "--json")
    (profile,) = json.loads(installation.coursehub("explain", *asked))["profiles"]
    assert profile["why"] == "rosa teaches it: a member of @laboratory under instructors."
    (container,) = pod["spec"]["containers"]
    assert profile["plan"]["uid"] == pod["spec"]["securityContext"]["runAsUser"] == 20014
    assert profile["plan"]["gid"] == pod["spec"]["securityContext"]["runAsGroup"] == 70104
    assert profile["plan"]["image"] == container["image"]
    assert profile["plan"]["environment"]["COURSE_TERM"] == "spring"
    assert {each.split()[0] for each in profile["plan"]["mounts"]} == {
        each["mountPath"] for each in container["volumeMounts"]
    }
    shown = installation.coursehub("user", "show", "rosa")
    assert "laboratory (70003)" in shown


@pytest.mark.usefixtures("courses")
def test_what_a_course_is_called_is_text_in_the_browser(page: Page, installation: Installation) -> None:
    """Y18, Y19"""
    log_in_by_browser(page, installation, "lena")
    page.goto(f"{installation.url}/hub/courses/rich")
    expect(page.locator("input[value=rich]")).to_be_checked()
    expect(page.get_by_text("{{7*7}} {x} {").first).to_be_visible()
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.usefixtures("courses")
def test_the_page_says_what_is_not_open_yet_and_rest_says_so_too(log_in: LogIn) -> None:
    olga = log_in("olga")
    assert "later" not in olga.choices()
    assert "opens on 2999-01-01" in said(olga.form())
    assert "opens on 2999-01-01" in said(olga.choose("later")) + str(olga.progress())


def test_a_running_server_is_named_and_left_for_another_course(
    page: Page, log_in: LogIn, installation: Installation
) -> None:
    log_in("nils").start("statistics-lab")
    log_in_by_browser(page, installation, "nils")
    page.goto(f"{installation.url}/hub/courses/python-intro")
    expect(page.get_by_text("Statistics Lab").first).to_be_visible()
    page.get_by_role("button", name="Stop").first.click()
    expect(page.locator("input[value=python-intro]")).to_be_checked(timeout=120_000)
    assert installation.pod_of("nils") is None


@pytest.mark.alone
def test_a_bad_course_keeps_its_last_good_version_over_a_restart_of_the_hub(
    courses: Path, log_in: LogIn, installation: Installation
) -> None:
    """Y23, P11: who is taken off the list goes on until their server ends, and then reads why."""
    lena, nils = log_in("lena"), log_in("nils")
    version = live(installation)["rich"]["version"]
    nils.start("rich")
    written(courses, rich="{name: Half a course, gid: 70104, students: [olga], open: tomorrow}", later=LATER)
    upgrade(installation, courses, lambda: live(installation)["rich"]["kept"], "the mistake noticed")
    assert live(installation)["rich"]["version"] == version
    before = installation.hub()
    installation.kubectl("delete", "pod", "--selector", "component=hub", "--wait=false")
    until(lambda: installation.hub_is_ready_after(before), 90, "a new hub")
    row = live(installation)["rich"]
    assert (row["version"], row["kept"]) == (version, True)
    assert "open: write a day as 2026-09-01" in row["problem"]
    assert "rich" in lena.choices()
    assert log_in("sofia").metrics()['coursehub_course_stale{course="rich"}'] == 1

    written(courses, rich={**RICH, "students": ["lena"]}, later=LATER)
    upgrade(installation, courses, lambda: not live(installation)["rich"]["kept"], "the mended course live")
    assert nils.terminal("id -u") == "20005", "the running server was stopped"
    nils.stop()
    sentence = "You are not on the list of"
    assert sentence in said(nils.choose("rich")) + str(nils.progress())
    assert installation.pod_of("nils") is None


def test_a_broken_file_is_refused_before_it_reaches_the_hub(tmp_path: Path, installation: Installation) -> None:
    broken = tmp_path / "courses.yaml"
    broken.write_text("courses:\n  x: {nam: X}\n")
    before = installation.kubectl("get", "configmap", "coursehub-courses", "--output", "jsonpath={.data}")
    environment = {**os.environ, "COURSES": str(broken)}
    done = subprocess.run(["make", "up"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{broken}:2:7: course 'x': unknown key 'nam'; did you mean 'name'?" in done.stderr
    after = installation.kubectl("get", "configmap", "coursehub-courses", "--output", "jsonpath={.data}")
    assert after == before
