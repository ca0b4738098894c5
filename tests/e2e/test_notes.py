"""What people are told while the hub runs: announcements on its pages, in JupyterLab and in terminals, and warnings."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest
from coursehub import layout
from playwright.sync_api import Browser, Page, expect

from .browsing import log_in_by_browser
from .cluster import ROOT, Installation, until
from .person import Person

LogIn = Callable[[str], Person]

# From the command to JupyterLab; a busy machine may take its time to show it.
SECONDS = 100_000
EVERYBODY = "The hub is down on Friday."
EVIL = "<img src=x onerror=\"document.title='owned'\"> {{7*7}}"
EMMA = 20003
OVER = "Your home holds"


@pytest.fixture(autouse=True)
def quiet(installation: Installation) -> Iterator[None]:
    """Nothing announced before and after."""

    def clear() -> None:
        for said in json.loads(installation.coursehub("announce", "--list", "--json")):
            course = ["--course", said["course"]] if said["course"] else []
            installation.coursehub("announce", "--clear", *course)

    clear()
    yield
    clear()


def windows(chromium: Browser, installation: Installation, name: str) -> Page:
    """A browser of `name`, who has logged in."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    log_in_by_browser(page, installation, name)
    return page


def lab(page: Page, installation: Installation, name: str) -> None:
    """JupyterLab of the running server, without what was open in it the last time, and what that asks."""
    page.goto(f"{installation.server(name)}/lab?reset")
    expect(page.locator("#jp-main-dock-panel")).to_be_visible()


def looks(page: Page, many: int) -> None:
    """JupyterLab has shown what its server told it, so often."""
    for _ in range(many):
        with page.expect_response(lambda answer: "/coursehub/notes?" in answer.url) as told:
            pass
        assert told.value.ok


def test_an_announcement_is_on_all_pages_and_within_100_seconds_in_jupyterlab_without_a_restart(
    page: Page, chromium: Browser, installation: Installation, log_in: LogIn
) -> None:
    before = installation.hub()
    maria = log_in("maria")
    maria.start("general")
    log_in_by_browser(page, installation, "maria")
    lab(page, installation, "maria")
    text = f"{EVERYBODY} See [the news](https://example.edu/). {EVIL}"
    installation.coursehub("announce", text, "--level", "warning")

    stranger = chromium.new_context().new_page()
    stranger.goto(f"{installation.url}/hub/login")
    expect(stranger.get_by_role("alert").get_by_role("link", name="the news")).to_have_attribute(
        "href", "https://example.edu/"
    )
    emma = windows(chromium, installation, "emma")
    for path in ("home", "courses", "spawn"):
        emma.goto(f"{installation.url}/hub/{path}")
        expect(emma.get_by_text(EVERYBODY)).to_be_visible()
        assert emma.locator("img[src=x]").count() == 0

    toast = page.locator(".Toastify__toast", has_text=EVERYBODY)
    expect(toast).to_be_visible(timeout=SECONDS)
    expect(toast.get_by_role("button", name="the news")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "owned"
    assert EVERYBODY in maria.terminal("bash -ic exit")

    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    page.reload()
    expect(page.locator("#jp-main-dock-panel")).to_be_visible()
    looks(page, 2)
    assert toast.count() == 0, "what somebody dismissed is shown again"

    assert "taken down" in installation.coursehub("announce", "--clear")
    emma.reload()
    expect(emma.get_by_role("heading", name="Choose a course")).to_be_visible()
    assert emma.get_by_text(EVERYBODY).count() == 0
    assert installation.hub() == before, "the hub was restarted"
    for each in (stranger, emma):
        each.context.close()


def test_what_a_course_is_told_is_at_its_entry_and_in_its_servers_and_goes_when_it_is_cleared(
    page: Page, chromium: Browser, installation: Installation, log_in: LogIn
) -> None:
    maria, jonas = log_in("maria"), log_in("jonas")
    maria.start("python-intro")
    jonas.start("statistics-lab")
    log_in_by_browser(page, installation, "maria")
    lab(page, installation, "maria")
    other = windows(chromium, installation, "jonas")
    lab(other, installation, "jonas")
    installation.coursehub("announce", "No lecture today.", "--course", "python-intro")

    emma = windows(chromium, installation, "emma")
    expect(emma.get_by_text("No lecture today.")).to_have_count(1)
    emma.goto(f"{installation.url}/hub/home")
    expect(emma.get_by_role("link", name="Choose a course")).to_be_visible()
    assert emma.get_by_text("No lecture today.").count() == 0

    toast = page.locator(".Toastify__toast", has_text="No lecture today.")
    expect(toast).to_be_visible(timeout=SECONDS)
    # Its server asks the hub for every second look of JupyterLab's.
    looks(other, 4)
    assert other.get_by_text("No lecture today.").count() == 0, "another course's server shows it"
    installation.coursehub("announce", "--clear", "--course", "python-intro")
    expect(toast).to_have_count(0, timeout=SECONDS)
    for each in (other, emma):
        each.context.close()


def test_what_is_no_text_is_refused_and_announces_nothing(installation: Installation) -> None:
    command = [str(ROOT / ".venv/bin/coursehub"), "announce", "--namespace", installation.namespace]
    for text, said in (("[x](javascript:alert)", "is no address"), ("a\x1b[31m", "U+001B is no character")):
        done = subprocess.run(
            [*command, text], env=installation.environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, said in done.stderr) == (1, True), done
    assert json.loads(installation.coursehub("announce", "--list", "--json")) == []


@pytest.fixture
def nearly_full(installation: Installation) -> Iterator[None]:
    """Emma's home holds 95 MiB of the 100 that she may have."""
    file = installation.share / layout.home(EMMA, "emma") / "large"
    file.write_bytes(os.urandom(2**20) * 95)
    os.chown(file, EMMA, EMMA)
    yield
    file.unlink(missing_ok=True)


@pytest.mark.usefixtures("nearly_full")
def test_who_is_over_the_sites_threshold_is_warned_and_who_is_under_it_is_not(
    page: Page, chromium: Browser, installation: Installation, log_in: LogIn
) -> None:
    def shares() -> dict[str, int | None]:
        """By name, the nearest to a limit first; nothing while the hub has not counted."""
        command = [str(ROOT / ".venv/bin/coursehub"), "quota", "report", "--by", "share", "--json"]
        command += ["--namespace", installation.namespace]
        done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=False)
        return {row["name"]: row["percent"] for row in json.loads(done.stdout)["usage"]} if done.stdout else {}

    until(lambda: (shares().get("emma") or 0) >= 90, 90, "emma's home counted", every=2)
    found = shares()
    assert next(iter(found)) == "emma", "the one nearest to her limit is not the first"
    assert (found["jonas"] or 0) < 90, "jonas has more in his home than this test can use"
    metrics = log_in("sofia").metrics()
    assert 'coursehub_course_usage_bytes{course="python-intro"}' in metrics
    assert metrics["coursehub_usage_error"] == 0

    emma = log_in("emma")
    log_in_by_browser(page, installation, "emma")
    page.goto(f"{installation.url}/hub/courses")
    expect(page.get_by_role("alert").filter(has_text=OVER)).to_be_visible()
    under = windows(chromium, installation, "jonas")
    under.goto(f"{installation.url}/hub/courses")
    expect(under.get_by_role("heading", name="Choose a course")).to_be_visible()
    assert under.get_by_text(OVER).count() == 0

    emma.start("general")
    log_in("jonas").start("general")
    lab(page, installation, "emma")
    lab(under, installation, "jonas")
    expect(page.locator(".Toastify__toast", has_text=OVER)).to_be_visible(timeout=SECONDS)
    assert OVER in emma.terminal("bash -ic exit")
    assert OVER not in log_in("jonas").terminal("bash -ic exit")
    assert under.get_by_text(OVER).count() == 0

    emma.terminal("rm ~/large")
    expect(page.locator(".Toastify__toast", has_text=OVER)).to_have_count(0, timeout=2 * SECONDS)
    page.goto(f"{installation.url}/hub/courses")
    expect(page.get_by_text("Your server runs")).to_be_visible()
    assert page.get_by_text(OVER).count() == 0
    under.context.close()
