"""/hub/courses/SLUG/grading in a real browser: it goes on without a reload, and closed or not, as axe sees it."""

import json

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.graded import runs, told
from tests.hub.blemishes import blemishes
from tests.hub.conftest import Hub, Visit
from tests.hub.grading_server import Grader
from tests.support import COURSES

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = "courses/python-intro/grading"
NASTY = '</span><script>window.ran = 1</script>"><img src=x onerror=window.ran=1> {{7*7}}'


async def run_server(hub: Hub) -> Grader:
    """Anna's server of the course runs, and can grade."""
    await hub.login("anna")
    assert await hub.start("anna", json.dumps({"profile": "python-intro--instructor"}).encode()) == "ready"
    grader = hub.kubernetes.servers["/user/anna/coursehub/grading"] = Grader(hub.url, "anna")
    return grader


@pytest_asyncio.fixture(loop_scope="session")
async def grader(hub: Hub) -> Grader:
    return await run_server(hub)


async def opened(visit: Visit) -> Page:
    """The page, which looks anew every three seconds."""
    page = await visit("anna")
    await page.goto(PAGE)
    return page


async def test_progress_comes_without_a_reload_keeps_the_focus_and_is_there_in_a_new_browser(
    hub: Hub, visit: Visit, grader: Grader
) -> None:
    page = await opened(visit)
    status = page.get_by_role("status")
    await expect(status).to_have_text("This server has graded nothing yet.")
    await page.get_by_label("Name").fill("hw1")
    await page.get_by_role("button", name="Grade", exact=True).click()
    await expect(status).to_have_text("hw1 is being graded.")
    await page.evaluate("window.stays = true")
    cancel = page.get_by_role("button", name="Cancel")
    await cancel.focus()
    grader.told |= {"of": 2, "done": 1, "ended": {"failed": 1}}
    grader.told["failed"] = [{"student": "jonas", "why": "It is no notebook."}]
    grader.told["now"] = {"maria": {"state": "executing", "why": ""}}
    await expect(page.get_by_text("1 of 2 submissions: 1 failed")).to_be_visible()
    await expect(page.get_by_role("progressbar", name="Submissions")).to_have_attribute("value", "1")
    await expect(page.get_by_role("listitem").filter(has_text="jonas: It is no notebook.")).to_be_visible()
    await expect(cancel).to_be_focused()

    another = await opened(visit)
    await expect(another.get_by_text("maria: executing")).to_be_visible()
    await another.get_by_role("button", name="Cancel").click()
    await expect(another.get_by_role("status")).to_have_text("Grading hw1 was cancelled. Grade it again to go on.")
    await expect(status).to_have_text("Grading hw1 was cancelled. Grade it again to go on.")
    await expect(cancel).to_be_hidden()
    await expect(page.get_by_label("Name")).to_have_value("hw1")
    assert await page.evaluate("window.stays"), "the page was loaded anew"
    await page.get_by_role("button", name="Grade all again").click()
    await expect(status).to_have_text("hw1 is being graded.")
    assert grader.asked[-1] == ("POST", {"assignment": "hw1", "again": True})


async def test_the_page_goes_on_over_an_answer_that_fails_and_leaves_once_it_may_show_nothing(
    hub: Hub, visit: Visit, grader: Grader
) -> None:
    grader.told = runs()
    page = await opened(visit)
    grader.body = b"nonsense"
    await expect(page.get_by_role("status")).to_contain_text("Your server's answer is none")
    grader.body = None
    await expect(page.get_by_role("status")).to_have_text("hw1 is being graded.")
    await hub.write_courses(COURSES.replace("instructors: [anna]", "instructors: [bent]", 1))
    await expect(page.get_by_role("alert")).to_contain_text("You are not an instructor of")
    await expect(page.get_by_text("hw1")).to_be_hidden()


async def test_y18_what_the_server_says_runs_no_script_at_first_or_later(
    hub: Hub, visit: Visit, grader: Grader
) -> None:
    grader.told = runs(NASTY, of=1)
    page = await opened(visit)
    grader.told |= {"failed": [{"student": NASTY, "why": NASTY}], "now": {NASTY: {"state": NASTY, "why": NASTY}}}
    await expect(page.get_by_role("listitem").filter(has_text=f"{NASTY}: {NASTY}")).to_have_count(2)
    assert await page.evaluate("window.ran === undefined")


async def test_without_javascript_it_works_by_reloading(hub: Hub, visit: Visit, grader: Grader) -> None:
    page = await visit("anna", java_script_enabled=False)
    await page.get_by_role("link", name="Autograde").click()
    await page.get_by_label("Name").fill("hw1")
    await page.get_by_role("button", name="Grade", exact=True).click()
    grader.told = told(assignment="hw1", of=1, done=1, ended={"done": 1})
    await page.get_by_role("link", name="Look now").click()
    await expect(page.get_by_role("status")).to_have_text("hw1 is graded.")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_from_the_choice_to_the_last_student(
    hub: Hub, visit: Visit, theme: str
) -> None:
    page = await visit("anna", color_scheme=theme)
    found = await blemishes(page)
    await page.get_by_role("link", name="Autograde Introduction to Programming").click()
    await expect(page.get_by_role("link", name="Start the course")).to_be_visible()
    found += await blemishes(page)
    grader = await run_server(hub)
    await page.goto("courses")
    await expect(page.get_by_role("link", name="Autograde")).to_be_visible()
    found += await blemishes(page)
    running = runs("hw1", of=3, done=1, ended={"failed": 1}, now={"maria": {"state": "waiting", "why": "No room."}})
    running["failed"] = [{"student": "jonas", "why": "It is no notebook."}]
    for each in (told(), told(assignments=["hw1", "Übung 2"]), running, {**running, "assignments": ["hw1"]}):
        grader.told = each
        await page.goto(PAGE)
        await expect(page.get_by_role("heading", name="Assignments")).to_be_visible()
        found += await blemishes(page)
    await page.goto("courses/data-analysis/grading")
    await expect(page.get_by_role("alert")).to_be_visible()
    found += await blemishes(page)
    assert not found, "\n".join(found)
