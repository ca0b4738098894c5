"""/hub/courses in a real browser: by keyboard alone, by search, with and without JavaScript, and as axe sees it."""

import asyncio
import re

import pytest
from coursehub.hub.notices.notice import Level
from playwright.async_api import Page, Route, expect

from tests.hub.announcing import announce, ask
from tests.hub.blemishes import blemishes
from tests.hub.conftest import Hub, Visit, until
from tests.hub.failing import POD, waits
from tests.support import COURSES

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.asyncio(loop_scope="session")

FEW = (
    COURSES.replace("    students: [maria]\n", "    students: [maria]\n    description: What the numbers say\n")
    + """\
  next-term: {name: Next Term, instructors: [anna], students: [maria], open: 2999-01-01}
  last-term: {name: Last Term, instructors: [anna], students: everyone, close: 2020-12-31}
"""
)
MANY = FEW + "".join(
    f"  course-{number}: {{name: Course {number}, instructors: [anna], students: everyone, close: 2999-12-31}}\n"
    for number in range(30)
)


async def started(hub: Hub, name: str) -> str:
    """The course of the only pod that was made, once it runs."""
    await until(lambda: hub.app.users[name].spawner.ready, f"the server of {name}")
    (pod,) = hub.kubernetes.made
    return str(pod["metadata"]["labels"]["coursehub/course"])


async def another_tab(page: Page) -> Page:
    """Of the same browser: the first goes by itself to the server that starts, or looks again, in its own time."""
    return await page.context.new_page()


async def focused(page: Page) -> str:
    """The `value` of what has the focus."""
    return str(await page.evaluate("document.activeElement.getAttribute('value') || document.activeElement.id"))


async def tab_to(page: Page, what: str) -> None:
    """The Tab key, until `what` has the focus."""
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await focused(page) == what:
            return
    pytest.fail(f"the Tab key does not come to {what}")


async def test_a_student_chooses_and_starts_by_keyboard_alone(hub: Hub, visit: Visit) -> None:
    page = await visit("maria")
    await tab_to(page, "data-analysis")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    assert await focused(page) == "statistics-lab"
    await expect(page.get_by_role("radio", name="Statistics Lab")).to_be_checked()
    await page.keyboard.press("Enter")
    assert await started(hub, "maria") == "statistics-lab"


async def test_what_is_not_open_unfolds_by_keyboard_and_cannot_be_chosen(hub: Hub, visit: Visit) -> None:
    await hub.write_courses(FEW)
    page = await visit("maria")
    reason = page.get_by_text("The course 'Next Term' opens on 2999-01-01. Please come back then.")
    await expect(reason).to_be_hidden()
    await page.locator("summary", has_text="Not open now (2)").focus()
    await page.keyboard.press("Enter")
    await expect(reason).to_be_visible()
    assert await page.locator("details input").count() == 0


async def test_a_search_finds_says_how_many_and_enter_goes_to_the_match_before_it_starts(
    hub: Hub, visit: Visit
) -> None:
    await hub.write_courses(MANY)
    page = await visit("maria")
    search = page.get_by_role("searchbox", name="Search")
    await expect(page.get_by_role("status")).to_have_text("34 to choose from")
    await search.fill("NUMBERS däta")
    await expect(page.get_by_role("status")).to_have_text("1 of 34 match")
    await expect(page.get_by_role("radio")).to_have_count(1)
    await expect(page.locator("fieldset:visible")).to_have_count(1)
    await search.fill("course-2")
    await expect(page.get_by_role("status")).to_have_text("11 of 34 match")
    await search.fill("course-29")
    await page.keyboard.press("Enter")
    assert await focused(page) == "course-29"
    assert not hub.app.users["maria"].spawner.active
    await page.keyboard.press("Enter")
    assert await started(hub, "maria") == "course-29"


async def test_a_search_without_a_match_leaves_nothing_to_start(hub: Hub, visit: Visit) -> None:
    await hub.write_courses(MANY)
    page = await visit("maria")
    search = page.get_by_role("searchbox", name="Search")
    await search.fill("astrology")
    await expect(page.get_by_role("status")).to_have_text("0 of 34 match")
    await page.get_by_role("button", name="Start").click()
    await search.fill("")
    await expect(page.get_by_role("radio", name="Data Analysis")).to_be_checked()
    assert page.url.endswith("/hub/courses")
    assert not hub.kubernetes.made


async def test_what_a_link_chose_is_in_view_in_a_long_list(hub: Hub, visit: Visit) -> None:
    await hub.write_courses(MANY)
    page = await visit("maria")
    chosen = page.get_by_role("radio", name="Course 29")
    await expect(chosen).not_to_be_in_viewport()
    await page.goto("courses/course-29")
    await expect(chosen).to_be_checked()
    await expect(chosen).to_be_in_viewport()


async def test_who_can_start_nothing_has_no_button_to_start(hub: Hub, visit: Visit) -> None:
    page = await visit("stranger")
    await expect(page.get_by_role("alert")).to_contain_text("is not known in the university's directory")
    await expect(page.get_by_role("button", name="Start")).to_be_hidden()


async def test_without_javascript_it_is_a_plain_long_list(hub: Hub, visit: Visit) -> None:
    await hub.write_courses(MANY)
    page = await visit("maria", java_script_enabled=False)
    await expect(page.get_by_role("searchbox")).to_be_hidden()
    await expect(page.get_by_role("radio")).to_have_count(34)
    await page.get_by_text("Course 29", exact=True).click()
    await page.get_by_role("button", name="Start").click()
    assert await started(hub, "maria") == "course-29"


async def test_from_a_running_server_a_link_leads_by_one_click_to_its_course(hub: Hub, visit: Visit) -> None:
    page = await visit("maria")
    await page.get_by_text("Introduction to Programming").click()
    await page.get_by_role("button", name="Start").click()
    assert await started(hub, "maria") == "python-intro"
    page = await another_tab(page)
    await page.goto("courses/statistics-lab")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile(r"Your server runs\s+Introduction to Pro")
    )
    hub.kubernetes.pods_may_end.clear()
    await page.get_by_role("button", name="Stop it and choose another").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Your server is stopping"))
    hub.kubernetes.pods_may_end.set()
    await expect(page.get_by_role("radio", name="Statistics Lab")).to_be_checked()
    assert page.url.endswith("/hub/courses/statistics-lab")
    assert not hub.kubernetes.pods


@pytest.mark.parametrize("field", ["profile", "stop"])
async def test_p3_another_sites_page_that_sends_the_form_by_itself_changes_nothing(
    hub: Hub, visit: Visit, field: str
) -> None:
    page = await visit("maria")
    if field == "stop":
        await page.get_by_text("Introduction to Programming").click()
        await page.get_by_role("button", name="Start").click()
        assert await started(hub, "maria") == "python-intro"
        page = await another_tab(page)
    form = (
        f"<form method=post action='{hub.url}courses/python-intro'><input name={field} value=python-intro>"
        "</form><script>document.forms[0].submit()</script>"
    )

    async def answer(route: Route) -> None:
        await route.fulfill(body=form, content_type="text/html")

    await page.route("http://other.example/", answer)
    async with page.expect_response("**/hub/courses/python-intro") as response:
        await page.goto("http://other.example/")
    assert (await response.value).status == 403
    assert hub.app.users["maria"].spawner.active is (field == "stop")
    assert len(hub.kubernetes.pods) == (field == "stop")


async def test_y18_y19_a_courses_words_run_no_script_on_any_page(hub: Hub, visit: Visit) -> None:
    nasty = '<script>window.ran = 1</script>"><img src=x onerror=window.ran=1> {{7*7}} {% raw %} {username} {'
    await hub.write_courses(MANY.replace("name: Course 7,", f"name: '{nasty}', description: '{nasty}',"))
    page = await visit("maria")

    async def as_text() -> None:
        await expect(page.get_by_text(nasty).first).to_be_visible()
        assert await page.evaluate("window.ran === undefined")

    await page.get_by_role("searchbox").fill("{{7*7}}")
    await as_text()
    await page.get_by_role("button", name="Start").click()
    assert await started(hub, "maria") == "course-7"
    page = await another_tab(page)
    await page.goto("courses")
    await as_text()


async def test_who_opens_the_progress_page_while_jupyterhub_clears_up_after_a_failure_reads_why(
    hub: Hub, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterHub answers the page's stream with an error for that moment."""
    page = await visit("maria")
    asked, clearing, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
    spawner = hub.app.users["maria"].spawner
    poll = spawner.poll

    async def stream(route: Route) -> None:
        asked.set()
        await clearing.wait()
        await route.continue_()

    async def clear_up() -> object:
        clearing.set()
        await answered.wait()
        return await poll()

    await page.route("**/server/progress*", stream)
    monkeypatch.setattr(spawner, "poll", clear_up)
    hub.kubernetes.phase = "Pending"
    await page.get_by_label("Introduction to Programming").check()
    async with page.expect_response("**/server/progress*") as answer:
        await page.get_by_role("button", name="Start").click()
        await asked.wait()
        await until(lambda: POD in hub.kubernetes.pods, "the pod")
        hub.kubernetes.becomes(POD, **waits("InvalidImageName"))
    assert (await answer.value).status == 400
    answered.set()
    await expect(page.get_by_role("heading", name="Your server was not started")).to_be_visible()
    await expect(page.get_by_text("The image of your server is not there").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_of_the_pages(hub: Hub, visit: Visit, theme: str) -> None:
    await hub.write_courses(FEW)
    page = await visit("maria", color_scheme=theme)
    assert await page.evaluate("document.documentElement.dataset.bsTheme") == theme
    await page.locator("summary").first.click()
    found = await blemishes(page)
    await page.goto("courses/next-term")
    await expect(page.get_by_role("alert")).to_be_visible()
    found += await blemishes(page)
    await page.goto("home")
    found += await blemishes(page)
    found += await blemishes(await visit("stranger", color_scheme=theme))

    await hub.write_courses(MANY)
    page = await visit("anna", color_scheme=theme)
    await page.get_by_role("searchbox").fill("course")
    found += await blemishes(page)

    hub.kubernetes.phase = "Pending"
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url(re.compile("/spawn-pending/anna"))
    page = await another_tab(page)
    await page.goto("courses/python-intro")
    await expect(page.get_by_text("Your server is starting")).to_be_visible()
    found += await blemishes(page)
    hub.kubernetes.run()
    assert await hub.outcome("anna") == "ready"
    await page.goto("courses/statistics-lab")
    await expect(page.get_by_text("Your server runs")).to_be_visible()
    found += await blemishes(page)

    async def let_no_page_look_again(route: Route) -> None:
        await (route.continue_() if route.request.method == "POST" else route.abort("aborted"))

    # It would do so under axe's hands.
    await page.route("**/courses/**", let_no_page_look_again)
    hub.kubernetes.pods_may_end.clear()
    await page.get_by_role("button", name="Stop it").click()
    await expect(page.get_by_text("Your server is stopping")).to_be_visible()
    found += await blemishes(page)

    hub.kubernetes.pods_may_end.set()
    page = await visit("homeless", color_scheme=theme)
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url(re.compile("/spawn-pending/homeless"))
    # While JupyterHub clears up, the page says that alone.
    await until(lambda: not hub.app.users["homeless"].spawner.pending, "the refusal's end")
    page = await another_tab(page)
    await page.goto("spawn-pending/homeless")
    await expect(page.get_by_text("Your home directory does not exist yet").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Your server was not started")).to_be_visible()
    found += await blemishes(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_announcements(hub: Hub, visit: Visit, theme: str) -> None:
    page = await visit("maria", color_scheme=theme)
    for level in Level:
        for course in (None, "python-intro"):
            await announce(hub, "Down on Friday: [the news](https://example.edu/).", course, level)
        await page.goto("courses")
        await expect(page.get_by_role("link", name="the news")).to_have_count(2)
        assert not (found := await blemishes(page)), "\n".join(found)
    for course in (None, "python-intro"):
        await ask(hub, "clear", course=course, dry_run=False)
