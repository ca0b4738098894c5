"""Servers end when nobody uses them, or by age, and not while something works; people see it coming."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from .browsing import log_in_by_browser
from .cluster import ROOT, Installation, until
from .conftest import OTHERS
from .person import Kernel, Person, execute

# Minutes. Each is above three of the local cluster's report intervals, so that it holds as it is written; of the
# longest the last quarter is the time in which the note is there.
QUICK, BRIEF, CALM = 1, 1, 2
# Seconds: the culler's looks, a report of the server, and a machine that has other things to do.
LATE, CULLER = 90, 15
COURSES = "".join(
    f"\n  {slug}: {{name: {slug}, students: [{', '.join(OTHERS)}], image: python, cull: {{{times}}}}}"
    for slug, times in {"quick": f"idle: {QUICK}m", "brief": f"max_age: {BRIEF}m", "calm": f"idle: {CALM}m"}.items()
)
NOTE = "Nothing happens here any more, so this server ends in about 1 minute"


@dataclass(frozen=True)
class Begun:
    """What runs at the same time: nils' kernel sleeps, lena's and olga's tabs are open, paul's kernel never rests."""

    nils: Person
    sleeping: Kernel
    olga: Person
    olgas_tab: Page


@pytest.fixture(scope="module")
def quick_courses(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Courses whose servers end soon, known to the hub and to the culler."""
    file = tmp_path_factory.mktemp("courses") / "courses.yaml"
    file.write_text((ROOT / "values/courses.yaml").read_text() + COURSES + "\n")
    lena = Person(installation.url, "lena", installation.password)
    with installation.upgraded(file):
        until(lambda: {"quick", "brief", "calm"} <= set(lena.choices()), 100, "the courses on the page", every=2)
        until(lambda: "quick, brief, calm" in log(installation), 100, "the courses in the culler", every=2)
        yield


@pytest.fixture(scope="module")
def begun(installation: Installation, chromium: Browser, quick_courses: None) -> Iterator[Begun]:
    """Everybody at work."""
    names = ("nils", "paul", "olga", "lena")
    nils, paul, olga, lena = people = [Person(installation.url, name, installation.password) for name in names]
    contexts = [chromium.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    olgas_tab, lenas_tab = (context.new_page() for context in contexts)
    try:
        nils.start("quick")
        sleeping = nils.kernel()
        with sleeping.channel() as socket:
            execute(socket, "import time; time.sleep(3600)")
        paul.start("brief")
        with paul.kernel().channel() as socket:
            execute(socket, "import time\nwhile True: time.sleep(0.1)")
        lab(lenas_tab, installation, lena, "quick")
        lenas_tab.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
        expect(lenas_tab.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
        lab(olgas_tab, installation, olga, "calm")
        yield Begun(nils, sleeping, olga, olgas_tab)
    finally:
        for context in contexts:
            context.close()
        for person in people:
            person.stop()


def lab(page: Page, installation: Installation, person: Person, course: str) -> None:
    """JupyterLab of the course as it opens for somebody new, in a browser in which the person has logged in."""
    page.set_default_timeout(60_000)
    log_in_by_browser(page, installation, person.name)
    person.start(course)
    page.goto(f"{installation.server(person.name)}/lab?reset")
    expect(page.locator(".jp-Launcher")).to_be_visible()


def log(installation: Installation) -> str:
    """What the culler has decided lately."""
    return installation.kubectl("logs", "deployment/coursehub-culler", "--since=15m")


@pytest.mark.usefixtures("begun")
def test_a_tab_that_is_left_open_with_an_idle_kernel_keeps_no_server(installation: Installation) -> None:
    until(lambda: installation.pod_of("lena") is None, 60 * QUICK + LATE, "the forgotten tab's server ended", every=3)
    until(lambda: "stopped: user=lena profile=quick: idle for" in log(installation), 20, "why it ended in the log")


@pytest.mark.usefixtures("begun")
def test_a_server_ends_by_its_age_however_busy_it_is(installation: Installation) -> None:
    until(lambda: installation.pod_of("paul") is None, 60 * BRIEF + LATE, "the old server ended", every=3)
    until(lambda: "stopped: user=paul profile=brief: runs for" in log(installation), 20, "why it ended in the log")


def test_a_person_sees_the_end_coming_and_is_still_here(begun: Begun, installation: Installation) -> None:
    note = begun.olgas_tab.get_by_text(NOTE)
    expect(note).to_be_visible(timeout=(60 * CALM + LATE) * 1000)
    before = (begun.olga.model() or {})["last_activity"]
    begun.olgas_tab.get_by_role("button", name="I'm still here").click()
    expect(note).to_be_hidden()
    until(lambda: (begun.olga.model() or {}).get("last_activity", "") > before, 30, "the hub told of her")
    # Past the end that was announced, as the culler sees it.
    begun.olgas_tab.wait_for_timeout((60 * CALM / 4 + CULLER) * 1000)
    assert installation.pod_of("olga") is not None, "her server ended all the same"


def test_a_kernel_that_sleeps_without_a_word_and_without_a_browser_keeps_its_server(
    begun: Begun, installation: Installation
) -> None:
    """The last of these tests, so that it slept for several times as long as a server may be idle."""
    started = (begun.nils.model() or {})["started"]
    assert time.time() - _seconds(started) > 2 * 60 * QUICK
    assert begun.sleeping.identifier in begun.nils.server("GET", "/api/kernels").text
    assert "user=nils profile=quick" not in log(installation)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
