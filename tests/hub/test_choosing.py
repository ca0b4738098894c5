"""/hub/courses: choosing, following a course's link, and going from one course to the next."""

from urllib.parse import unquote

import pytest

from tests.hub.conftest import HOST, Browser, Form, Hub, until
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_LISTED = "You are not on the list of 'Data Analysis'. If you take this course, ask its teacher to add you."
DATED = (
    COURSES
    + """\
  next-term: {name: Next Term, instructors: [anna], students: [maria], open: 2999-01-01}
  last-term: {name: Last Term, instructors: [anna], students: everyone, close: 2020-12-31}
"""
)


async def start(hub: Hub, browser: Browser, profile: str) -> None:
    """The server of the page's form is up."""
    response = await browser.post("courses", profile=profile)
    assert response.status_code == 302, response.text
    assert await hub.outcome(browser.name) == "ready"


def nothing_happened(hub: Hub, name: str) -> bool:
    """No pod was made, and no server is on its way up or down."""
    return not hub.kubernetes.made and not hub.app.users[name].spawner.active


async def test_who_logs_in_or_comes_to_the_front_page_lands_on_the_page(hub: Hub) -> None:
    client = hub._client()
    await client.get("login")
    answer = await client.post(
        "login", params={"_xsrf": client.cookies["_xsrf"]}, data={"username": "maria", "password": "x"}
    )
    assert answer.headers["location"] == "/hub/courses"
    assert (await client.get("")).headers["location"] == "/hub/courses"


async def test_the_page_groups_what_there_is_and_says_what_is_not_open_and_why(hub: Hub) -> None:
    await hub.write_courses(DATED)
    page = await (await hub.login("maria")).page("courses")
    assert page.choices == ["data-analysis", "python-intro", "statistics-lab", "general"]
    assert page.chosen == ["data-analysis"]
    headings = ("Choose a course", "You take", "Open to everyone", "Outside courses", "Not open now (2)")
    places = [page.text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "The course 'Next Term' opens on 2999-01-01. Please come back then." in page.text
    assert "The course 'Last Term' closed after 2020-12-31. Ask its teacher if you still need it." in page.text
    assert "Old Course" not in page.text, "what is archived is nothing to students"


async def test_the_last_choice_is_preselected_and_p8_no_longer_when_it_was_taken_away(hub: Hub) -> None:
    maria = await hub.login("maria")
    await start(hub, maria, "statistics-lab")
    await hub.stop("maria")
    assert (await maria.page("courses")).chosen == ["statistics-lab"]
    await hub.write_courses(COURSES.replace("  statistics-lab:", "  other-lab:"))
    assert (await maria.page("courses")).chosen == ["data-analysis"]


@pytest.mark.parametrize(
    "query", ["", "?profile=python-intro", "?x=y", "?next=/hub/home", "?profile=python-intro&_xsrf=1"]
)
async def test_p3_a_link_preselects_and_starts_nothing_whatever_its_query(hub: Hub, query: str) -> None:
    maria = await hub.login("maria")
    assert (await maria.page(f"courses/statistics-lab{query}")).chosen == ["statistics-lab"]
    assert nothing_happened(hub, "maria")
    await start(hub, maria, "statistics-lab")


async def test_p3_a_link_followed_before_login_leads_to_the_same_course_after_it(hub: Hub) -> None:
    client = hub._client()
    answer = await client.get("courses/statistics-lab")
    assert unquote(answer.headers["location"]) == "/hub/login?next=/hub/courses/statistics-lab"
    await client.get("login")
    answer = await client.post(
        "login",
        params={"next": "/hub/courses/statistics-lab", "_xsrf": client.cookies["_xsrf"]},
        data={"username": "maria", "password": "x"},
    )
    assert answer.headers["location"] == "/hub/courses/statistics-lab"


@pytest.mark.parametrize(
    ("name", "link", "sentence"),
    [
        pytest.param("jonas", "data-analysis", NOT_LISTED, id="P1 private course"),
        pytest.param("jonas", "python-intro--instructor", "You are not an instructor of", id="P2 instructor's"),
        pytest.param("maria", "next-term", "opens on 2999-01-01. Please come back then.", id="not yet open"),
        pytest.param("maria", "last-term", "closed after 2020-12-31.", id="closed"),
        pytest.param("maria", "old-course", "has been archived since 2026-06-30", id="archived"),
        pytest.param("maria", "nothing", "There is no course 'nothing' here.", id="no such course"),
        pytest.param("maria", "Not%20a%20slug", "There is no choice 'Not a slug'.", id="no slug"),
        pytest.param("maria", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "There is no choice '<script>", id="Y18 script"),
        pytest.param("maria", "%7B%7B7*7%7D%7D%7Busername%7D", "There is no choice '{{7*7}}{username}'", id="Y19"),
        pytest.param("stranger", "python-intro", "is not known in the university's directory", id="I1 stranger"),
        pytest.param("stranger", "", "is not known in the university's directory", id="I1 stranger without a link"),
    ],
)
async def test_a_link_that_is_not_for_the_person_says_why(hub: Hub, name: str, link: str, sentence: str) -> None:
    await hub.write_courses(DATED)
    response = await (await hub.login(name)).get(f"courses/{link}")
    assert response.status_code == 200
    assert sentence in Form(response.text).text
    assert "<script>alert" not in response.text
    assert nothing_happened(hub, name)


async def test_a_teacher_who_follows_the_students_link_gets_the_course_as_instructor(hub: Hub) -> None:
    peter = await hub.login("peter")
    page = await peter.page("courses/data-analysis")
    assert page.chosen == ["data-analysis--instructor"]
    assert NOT_LISTED not in page.text


@pytest.mark.parametrize(
    ("link", "said"),
    [
        pytest.param("", "You have one server at a time.", id="no link"),
        pytest.param("python-intro--instructor", "It is already running", id="its own"),
        pytest.param("python-intro", "It is already running", id="its students'"),
        pytest.param("statistics-lab", "The link that you followed leads to Statistics Lab", id="another course"),
        pytest.param("data-analysis", NOT_LISTED, id="P1 a private course"),
    ],
)
async def test_the_page_names_what_runs_and_where_the_link_leads(hub: Hub, link: str, said: str) -> None:
    anna = await hub.login("anna")
    await start(hub, anna, "python-intro--instructor")
    response = await anna.get(f"courses/{link}")
    page = Form(response.text)
    assert "Your server runs Introduction to Programming, as instructor" in page.text
    assert said in page.text
    assert f'href="{hub.app.users["anna"].url}"' in response.text
    assert not page.choices
    assert hub.app.users["anna"].spawner.ready
    assert len(hub.kubernetes.made) == 1


async def test_what_runs_is_named_after_its_course_has_left_the_file(hub: Hub) -> None:
    maria = await hub.login("maria")
    await start(hub, maria, "data-analysis")
    await hub.write_courses(COURSES.replace("  data-analysis:", "  data-science:"))
    assert "the course 'data-analysis', which is not on offer any more" in (await maria.page("courses")).text


async def test_stop_and_switch_ends_at_the_links_course(hub: Hub) -> None:
    maria = await hub.login("maria")
    await start(hub, maria, "python-intro")
    hub.kubernetes.pods_may_end.clear()
    response = await maria.post("courses/statistics-lab", stop="python-intro")
    assert (response.status_code, response.headers["location"]) == (303, "/hub/courses/statistics-lab")
    page = await maria.page("courses/statistics-lab")
    assert "Your server is stopping Introduction to Programming" in page.text
    assert "you can start Statistics Lab" in page.text
    hub.kubernetes.pods_may_end.set()

    async def offered() -> list[str]:
        return (await maria.page("courses/statistics-lab")).choices

    await until(offered, "the course on offer")
    page = await maria.page("courses/statistics-lab")
    assert page.chosen == ["statistics-lab"]
    assert not hub.kubernetes.pods
    await start(hub, maria, page.chosen[0])
    assert "Your server runs Statistics Lab" in (await maria.page("courses")).text


async def test_a_stop_from_a_page_that_is_out_of_date_stops_nothing(hub: Hub) -> None:
    maria = await hub.login("maria")
    await start(hub, maria, "statistics-lab")
    assert (await maria.post("courses", stop="python-intro")).status_code == 303
    assert hub.app.users["maria"].spawner.ready


async def test_a_start_from_a_page_that_is_out_of_date_shows_what_runs(hub: Hub) -> None:
    maria = await hub.login("maria")
    await start(hub, maria, "statistics-lab")
    response = await maria.post("courses", profile="python-intro")
    assert (response.status_code, response.headers["location"]) == (303, "/hub/courses")
    assert len(hub.kubernetes.made) == 1


async def test_a_server_that_starts_is_named_and_leads_to_its_progress(hub: Hub) -> None:
    maria = await hub.login("maria")
    hub.kubernetes.phase = "Pending"
    await maria.post("courses", profile="python-intro")
    await until(lambda: hub.kubernetes.made, "a pod")
    response = await maria.get("courses/python-intro")
    assert "Your server is starting Introduction to Programming" in Form(response.text).text
    assert 'href="/hub/spawn-pending/maria"' in response.text
    assert "Stop it" not in response.text
    hub.kubernetes.run()
    assert await hub.outcome("maria") == "ready"


@pytest.mark.parametrize("action", [{"profile": "python-intro"}, {"stop": "statistics-lab"}], ids=["start", "stop"])
@pytest.mark.parametrize(
    "token",
    [{}, {"_xsrf": "x"}, {"_xsrf": "another's"}],
    ids=["W2 no token", "W2 made-up token", "W2 another's token"],
)
async def test_p3_another_sites_form_neither_starts_nor_stops(
    hub: Hub, action: dict[str, str], token: dict[str, str]
) -> None:
    maria, jonas = await hub.login("maria"), await hub.login("jonas")
    if "stop" in action:
        await start(hub, maria, "statistics-lab")
    await jonas.get("courses")
    await maria.get("courses")
    if token.get("_xsrf") == "another's":
        token = {"_xsrf": jonas._client.cookies["_xsrf"]}
    response = await maria._client.post(
        "courses", data={**action, **token}, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    )
    assert response.status_code == 403
    assert hub.app.users["maria"].spawner.ready is ("stop" in action)
    assert len(hub.kubernetes.made) == ("stop" in action)


async def test_the_page_is_ones_own_also_for_an_admin(hub: Hub) -> None:
    maria, sofia = await hub.login("maria"), await hub.login("sofia")
    await start(hub, maria, "python-intro")
    assert (await sofia.get("courses/python-intro/maria")).status_code == 404
    await sofia.post("courses?user=maria", stop="python-intro")
    assert hub.app.users["maria"].spawner.ready


@pytest.mark.parametrize(
    "link",
    [
        "%2F%2Fevil.example",
        "%5Cevil.example",
        "x%0d%0aSet-Cookie:%20a=b",
        "..%2f..%2fevil",
        "%00",
        "?next=//evil.example",
    ],
)
async def test_w3_whatever_the_path_holds_the_redirect_stays_on_the_page(hub: Hub, link: str) -> None:
    maria = await hub.login("maria")
    for response in (
        await maria._client.get(
            f"courses/{link}{'&' if '?' in link else '?'}a=b", headers={"Sec-Fetch-Mode": "navigate"}
        ),
        await maria.post(f"courses/{link}", stop="x"),
    ):
        assert response.is_redirect
        assert response.headers["location"].startswith("/hub/courses")
        assert "set-cookie" not in response.headers or "a=b" not in response.headers["set-cookie"]
        assert response.url.join(response.headers["location"]).host == HOST


async def test_y18_a_courses_words_are_text_on_every_page(hub: Hub) -> None:
    nasty = '<script>alert(1)</script>"><img src=x onerror=y> {{7*7}} {% raw %} {username} {'
    await hub.write_courses(
        f"courses:\n  a: {{students: everyone, name: '{nasty}', description: '{nasty}'}}\n"
        f"  b: {{students: everyone, name: '{nasty}', close: 2020-01-01}}\n",
    )
    maria = await hub.login("maria")
    pages = [await maria.get("courses")]
    await start(hub, maria, "a")
    pages.append(await maria.get("courses/b"))
    hub.kubernetes.pods_may_end.clear()
    await maria.post("courses", stop="a")
    pages.append(await maria.get("courses/a"))
    for page, times in zip(pages, (4, 2, 1), strict=True):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert Form(page.text).text.count(nasty) >= times


async def test_the_home_page_leads_to_the_page(hub: Hub) -> None:
    maria = await hub.login("maria")
    home = await maria.get("home")
    assert 'href="/hub/courses"' in home.text
    assert "Choose a course" in Form(home.text).text
    await start(hub, maria, "python-intro")
    assert "See what it runs, open or stop it" in (await maria.page("home")).text


async def test_a_refused_start_leads_back_to_the_choices(hub: Hub) -> None:
    jonas = await hub.login("jonas")
    await jonas.post("courses", profile="data-analysis")
    assert NOT_LISTED in await hub.outcome("jonas")
    page = await jonas.page("spawn-pending/jonas")
    assert "Your server was not started" in page.text
    assert NOT_LISTED in page.text
    assert "Choose a course" in page.text
