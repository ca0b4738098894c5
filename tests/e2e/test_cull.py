"""Servers end when nobody uses them, or by age, and not while something works; people see it coming."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from .cluster import ROOT, Installation, until
from .person import Person, send

# Well above three of the local cluster's report intervals, so that they hold as they are written.
IDLE, AGE = 60, 120
# The culler's looks, a report of the server, and a machine that has other things to do.
LATE = 90
QUICK = f"""
  quick:
    name: Quick
    students: everyone
    image: python
    cull: {{idle: {IDLE // 60}m}}

  brief:
    name: Brief
    students: everyone
    image: python
    cull: {{max_age: {AGE // 60}m}}
"""


@pytest.fixture(scope="module", autouse=True)
def quick_courses(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two courses whose servers end soon, known to the hub and to the culler."""
    file = tmp_path_factory.mktemp("courses") / "courses.yaml"
    file.write_text((ROOT / "values/courses.yaml").read_text() + QUICK)
    try:
        installation.helm(file)
        installation.hurry()
        _hurry_culler(installation)
        sofia = Person(installation.url, "sofia", installation.password)
        until(lambda: {"quick", "brief"} <= set(sofia.choices()), 100, "the quick courses on the page", every=2)
        until(lambda: "quick, brief" in _log(installation), 100, "the quick courses in the culler", every=2)
        yield
    finally:
        installation.helm(ROOT / "values/courses.yaml")
        installation.hurry()


def _hurry_culler(installation: Installation) -> None:
    pods = ("pod", "--selector=app.kubernetes.io/component=culler")
    installation.kubectl("annotate", *pods, "tests/looked=now", "--overwrite")


def _log(installation: Installation) -> str:
    return installation.kubectl("logs", "deployment/coursehub-culler", "--since=15m")


def test_what_nobody_uses_ends_and_what_works_lives_on_until_it_is_too_old(
    log_in: Callable[[str], Person], installation: Installation, page: Page, empty_home: Callable[[int, str], None]
) -> None:
    """A kernel that sleeps without a word and without a browser, a tab that is open with an idle kernel, and age."""
    busy, aged = log_in("jonas"), log_in("anna")
    busy.start("quick")
    kernel = busy.kernel()
    with kernel.channel() as socket:
        send(socket, "import time; time.sleep(600)")
    aged.start("brief")
    loop = aged.kernel()
    with loop.channel() as socket:
        send(socket, "while True: pass")

    empty_home(20001, "maria")
    _open(page, log_in("maria"), installation)
    page.get_by_role("region", name="notebook content").or_(page.get_by_label("Launcher")).first.wait_for()
    page.locator(".jp-LauncherCard", has_text="Python 3 (ipykernel)").first.click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()

    until(lambda: installation.pod_of("maria") is None, IDLE + LATE, "the forgotten tab's server ended", every=3)
    until(lambda: _ended("maria", "quick: idle for") in _log(installation), 20, "why it ended in the log")
    until(lambda: installation.pod_of("anna") is None, AGE + LATE, "the old server ended, busy as it was", every=3)
    until(lambda: _ended("anna", "brief: runs for") in _log(installation), 20, "why it ended in the log")

    assert installation.pod_of("jonas") is not None, "the sleeping kernel's server ended"
    assert kernel.identifier in busy.server("GET", "/api/kernels").text
    assert "user=jonas" not in _log(installation)


def test_a_person_sees_the_end_coming_and_is_still_here(
    log_in: Callable[[str], Person], installation: Installation, page: Page, empty_home: Callable[[int, str], None]
) -> None:
    empty_home(20003, "emma")
    emma = log_in("emma")
    _open(page, emma, installation)
    note = page.get_by_text("Nothing happens here any more, so this server ends in about 1 minute")
    expect(note).to_be_visible(timeout=(IDLE + LATE) * 1000)
    before = (emma.model() or {})["last_activity"]
    page.get_by_role("button", name="I'm still here").click()
    expect(note).to_be_hidden()
    until(lambda: (emma.model() or {}).get("last_activity", "") > before, 10, "the hub told of her")
    # As long as it was told not to be.
    page.wait_for_timeout(IDLE / 2 * 1000)
    assert installation.pod_of("emma") is not None, "her server ended all the same"


def _ended(name: str, why: str) -> str:
    return f"stopped: user={name} profile={why}"


def _open(page: Page, person: Person, installation: Installation) -> None:
    """JupyterLab of the quick course, in a browser in which the person has logged in."""
    page.goto(f"{installation.url}/hub/login")
    page.get_by_label("Username:").fill(person.name)
    page.get_by_label("Password:").fill(installation.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/**")
    person.start("quick")
    page.goto(f"{installation.url}/user/{person.name}/lab")
