"""/hub/courses/SLUG/grading: a course's instructors, and they alone, have their own server grade."""

import asyncio
import gzip
import json
import time

import pytest
import pytest_asyncio
from aiohttp import web

from tests.graded import runs, told
from tests.hub.conftest import Browser, Form, Hub, until
from tests.hub.grading_server import Grader
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = "courses/python-intro/grading"
NASTY = "<script>window.ran = 1</script>\"><img src=x onerror=window.ran=1> {{7*7}} {% raw %} ' &amp;"
PLACE = "/user/anna/coursehub/grading"


async def start(hub: Hub, name: str, profile: str) -> Browser:
    """Somebody who has logged in, whose server runs."""
    browser = await hub.login(name)
    assert await hub.start(name, json.dumps({"profile": profile}).encode()) == "ready"
    return browser


def tokens(hub: Hub, name: str) -> list[str]:
    """The notes of the tokens that the person has."""
    return [token.note for token in hub.app.users[name].orm_user.api_tokens]


@pytest_asyncio.fixture(loop_scope="session")
async def anna(hub: Hub) -> Browser:
    """Anna, whose server is the course's."""
    return await start(hub, "anna", "python-intro--instructor")


@pytest_asyncio.fixture(loop_scope="session")
async def grader(hub: Hub, anna: Browser) -> Grader:
    """What grades in anna's server."""
    grader = hub.kubernetes.servers[PLACE] = Grader(hub.url, "anna")
    return grader


@pytest.mark.parametrize("role", ["instructor", "grading"])
async def test_an_instructor_has_an_assignment_graded_sees_how_far_it_is_and_cancels(hub: Hub, role: str) -> None:
    anna = await start(hub, "anna", f"python-intro--{role}")
    grader = hub.kubernetes.servers[PLACE] = Grader(hub.url, "anna")
    page = await anna.page(PAGE)
    assert "Introduction to Programming This server has graded nothing yet." in page.text
    assert page.buttons == [("grade", ""), ("again", "")]

    answer = await anna.post(PAGE, do="grade", assignment="hw1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/hub/{PAGE}")
    assert grader.asked == [("POST", {"assignment": "hw1", "again": False})]
    grader.told |= {"of": 4, "done": 2, "ended": {"failed": 1, "done": 1}}
    grader.told["now"] = {"maria": {"state": "executing", "why": ""}, "lena": {"state": "waiting", "why": "No room."}}
    grader.told["failed"] = [{"student": "jonas", "why": "Traceback\n  line 1\nIt is no notebook.\n"}]
    page = await anna.page(PAGE)
    assert "hw1 is being graded. 2 of 4 submissions: 1 done, 1 failed" in page.text
    assert "Now maria: executing lena: waiting: No room." in page.text
    assert "Not graded jonas : It is no notebook." in page.text
    assert page.buttons == [("cancel", "")], "while one goes on no other can be begun"

    assert (await anna.post(PAGE, do="cancel")).status_code == 303
    assert grader.asked[1:] == [("DELETE", None)]
    assert "Grading hw1 was cancelled." in (await anna.page(PAGE)).text
    await anna.post(PAGE, do="again", assignment="Übung 2")
    assert grader.asked[2:] == [("POST", {"assignment": "Übung 2", "again": True})]
    page = await (await hub.login("anna")).page(PAGE)
    assert "Übung 2 is being graded." in page.text, "another browser of the same person does not see it"
    grader.told = told(assignment="Übung 2", of=2, done=2, ended={"done": 1, "unchanged": 1})
    page = await anna.page(PAGE)
    assert "Übung 2 is graded. 2 of 2 submissions: 1 done, 1 unchanged" in page.text
    assert page.buttons == [("grade", "Übung 2"), ("again", "Übung 2")]


async def test_where_the_server_names_its_assignments_each_has_its_buttons(
    hub: Hub, anna: Browser, grader: Grader
) -> None:
    grader.told = told(assignments=["hw1", "Übung 2"])
    page = await anna.page(PAGE)
    assert page.buttons == [("grade", "hw1"), ("again", "hw1"), ("grade", "Übung 2"), ("again", "Übung 2")]


async def test_the_server_is_asked_with_a_token_for_it_alone_which_ends_with_the_answer(
    hub: Hub, anna: Browser, grader: Grader
) -> None:
    before = tokens(hub, "anna")
    await anna.get(PAGE)
    await anna.post(PAGE, do="grade", assignment="hw1")
    own = ["access:servers!server=anna/", "read:users:groups!user=anna", "read:users:name!user=anna"]
    assert [each["scopes"] for each in grader.seen] == [own] * 3, "JupyterHub adds that a token says whose it is"
    assert len(set(grader.tokens)) == 3, "one, the page before the form was sent, and the form"
    async with hub._client() as client:
        for token in grader.tokens:
            answer = await client.get("api/user", headers={"Authorization": f"token {token}"})
            assert answer.status_code == 403, "a token outlasts its answer"
    assert tokens(hub, "anna") == before


@pytest.mark.parametrize(
    ("name", "slug", "sentence"),
    [
        pytest.param("maria", "python-intro", "You are not an instructor of 'Introduction to", id="P2 student"),
        pytest.param("peter", "python-intro", "You are not an instructor of", id="P2 another course's instructor"),
        pytest.param("anna", "data-analysis", "You are not an instructor of 'Data Analysis'.", id="P2 not hers"),
        pytest.param("anna", "old-course", "is archived, so nothing of it is graded", id="archived"),
        pytest.param("anna", "statistics-lab", "has no folders, so there is nothing to grade", id="without folders"),
        pytest.param("anna", "nothing", "There is no course 'nothing' here.", id="no such course"),
        pytest.param("anna", "%3Cb%3E%7B%7B7*7%7D%7D", "There is no course '<b>{{7*7}}' here.", id="Y18 no slug"),
        pytest.param("stranger", "python-intro", "is not known in the university's directory", id="I1 stranger"),
    ],
)
async def test_whoever_may_not_grade_the_course_reads_why_and_no_server_is_asked(
    hub: Hub, anna: Browser, grader: Grader, name: str, slug: str, sentence: str
) -> None:
    browser = await hub.login(name)
    for answer in (
        await browser.get(f"courses/{slug}/grading"),
        await browser.post(f"courses/{slug}/grading", do="grade", assignment="hw1"),
        await browser.post(f"courses/{slug}/grading", do="cancel"),
    ):
        assert answer.status_code == 403
        assert sentence in Form(answer.text).text
        assert "<b>{{" not in answer.text
    assert grader.tokens == []


async def test_who_teaches_no_more_sees_nothing_of_a_server_from_before(
    hub: Hub, anna: Browser, grader: Grader
) -> None:
    assert (await anna.get(PAGE)).status_code == 200
    await hub.write_courses(COURSES.replace("instructors: [anna]", "instructors: [bent]", 1))
    before = len(grader.tokens)
    for answer in (await anna.get(PAGE), await anna.post(PAGE, do="cancel")):
        assert answer.status_code == 403
        assert "You are not an instructor of" in answer.text
        assert "graded" not in answer.text
    assert len(grader.tokens) == before


@pytest.mark.parametrize("profile", [None, "general", "python-intro", "statistics-lab--instructor"])
async def test_without_a_server_that_can_grade_the_page_offers_to_start_one(hub: Hub, profile: str | None) -> None:
    anna = await start(hub, "anna", profile) if profile else await hub.login("anna")
    grader = hub.kubernetes.servers[PLACE] = Grader(hub.url, "anna")
    for answer in (await anna.get(PAGE), await anna.post(PAGE, do="grade", assignment="hw1")):
        assert answer.status_code == 200
        assert "Start the course with the badge instructor or grading" in Form(answer.text).text
        assert 'href="/hub/courses/python-intro--instructor"' in answer.text
    assert grader.tokens == []
    assert len(hub.kubernetes.made) == bool(profile), "the page starts nothing"


async def test_of_two_instructors_each_asks_their_own_server(hub: Hub, anna: Browser, grader: Grader) -> None:
    sofia = await start(hub, "sofia", "python-intro--grading")
    hers = hub.kubernetes.servers["/user/sofia/coursehub/grading"] = Grader(hub.url, "sofia")
    await sofia.post(PAGE, do="grade", assignment="hw1")
    assert (hers.asked, grader.tokens) == ([("POST", {"assignment": "hw1", "again": False})], [])
    assert "is being graded" in (await sofia.page(PAGE)).text
    assert "is being graded" not in (await anna.page(PAGE)).text


async def test_where_the_pod_is_gone_nobody_at_its_address_is_asked(hub: Hub, anna: Browser, grader: Grader) -> None:
    spawner = hub.app.users["anna"].spawner
    before = hub.kubernetes.pods[spawner.pod_name]["status"]
    hub.kubernetes.becomes(spawner.pod_name, phase="Failed")
    await until(lambda: spawner.address is None, "the pod's end seen")
    for answer in (await anna.get(PAGE), await anna.post(PAGE, do="grade", assignment="hw1")):
        assert "Your server does not run now." in answer.text
    assert grader.tokens == []
    hub.kubernetes.becomes(spawner.pod_name, **before)


async def test_what_the_server_refuses_is_said_and_what_goes_on_is_shown_beside_it(
    hub: Hub, anna: Browser, grader: Grader
) -> None:
    grader.told = runs(of=2)
    answer = await anna.post(PAGE, do="grade", assignment="hw1")
    page = Form(answer.text)
    assert answer.status_code == 200
    assert "Your server says: 'hw1' is being graded." in page.text
    assert "hw1 is being graded. 0 of 2 submissions" in page.text
    grader.told = told(assignment="hw9", error="Warning\ncoursehub: nothing was collected of 'hw9'\n")
    page = await anna.page(PAGE)
    assert "hw9 was not graded. coursehub: nothing was collected of 'hw9'" in page.text


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "Your server cannot grade from here: stop it, and start it again."),
        (500, "Your server refused it, with the HTTP status 500."),
        (403, "Your server refused it, with the HTTP status 403."),
        (302, "Your server refused it, with the HTTP status 302."),
    ],
)
async def test_a_server_that_answers_with_an_error_is_a_sentence(
    hub: Hub, anna: Browser, status: int, sentence: str
) -> None:
    elsewhere = Grader(hub.url, "anna")
    hub.kubernetes.servers["/elsewhere"] = elsewhere

    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"}, text=NASTY, content_type="text/html")

    hub.kubernetes.servers[PLACE] = fail
    answer = await anna.get(PAGE)
    assert sentence in Form(answer.text).text
    assert NASTY not in answer.text
    assert elsewhere.tokens == [], "a redirect was followed"


STRANGE = "Your server's answer is none that this page understands."
NO = "Your server does not answer as it should."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b"", STRANGE, id="nothing"),
        pytest.param(b"\xff\x00", STRANGE, id="bytes"),
        pytest.param(b"[" * 100_000, STRANGE, id="deep"),
        pytest.param(b'{"assignments": ' + b"[" * 100_000, STRANGE, id="deep inside"),
        pytest.param(json.dumps([told()]).encode(), STRANGE, id="a list"),
        pytest.param(json.dumps(told(assignments=[1])).encode(), STRANGE, id="numbers for names"),
        pytest.param(json.dumps(told(assignments=["x"] * 1001)).encode(), STRANGE, id="many"),
        pytest.param(json.dumps(told(assignments=["x" * 256])).encode(), STRANGE, id="a long name"),
        pytest.param(json.dumps(told(assignments=["\ud800"])).encode(), STRANGE, id="half a letter"),
        pytest.param(json.dumps(told(of=-1)).encode(), STRANGE, id="negative"),
        pytest.param(json.dumps(told(done=0.5)).encode(), STRANGE, id="a fraction"),
        pytest.param(json.dumps(told(of=1)).encode().replace(b"1", b"9" * 10_000), STRANGE, id="a large number"),
        pytest.param(json.dumps(told(ended=["done"])).encode(), STRANGE, id="a list of ends"),
        pytest.param(
            json.dumps(told(now={"x" * 256: {"state": "", "why": ""}})).encode(), STRANGE, id="a long student"
        ),
        pytest.param(json.dumps(told(running=1)).encode(), STRANGE, id="one for true"),
        pytest.param(json.dumps(told()).encode() + b" " * 2**22, NO, id="large"),
    ],
)
async def test_an_answer_that_is_none_is_a_sentence_and_the_hub_goes_on(
    hub: Hub, anna: Browser, grader: Grader, body: bytes, sentence: str
) -> None:
    grader.body = body
    answer = await anna.get(PAGE)
    assert answer.status_code == 200
    assert sentence in Form(answer.text).text
    assert len(answer.content) < 50_000
    grader.body = None
    assert "This server has graded nothing yet." in (await anna.page(PAGE)).text


async def test_what_comes_packed_is_not_unpacked(hub: Hub, anna: Browser) -> None:
    async def bomb(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=gzip.compress(b" " * 2**26), headers={"Content-Encoding": "gzip"})

    hub.kubernetes.servers[PLACE] = bomb
    assert STRANGE in (await anna.page(PAGE)).text


async def test_y18_whatever_the_server_says_is_text(hub: Hub, anna: Browser, grader: Grader) -> None:
    now = {NASTY: {"state": NASTY, "why": NASTY}}
    failed = [{"student": NASTY, "why": f"\x1b[31m{NASTY}\u202e\n"}]
    grader.told = runs(NASTY, now=now, failed=failed, error=NASTY, of=1, assignments=[NASTY, "a\u202eb"])
    answer = await anna.get(PAGE)
    page = Form(answer.text)
    assert page.text.count(NASTY) == 7
    assert "\u202e" not in page.text
    for each in ("<script>window", "<img src=x", "\x1b"):
        assert each not in answer.text, each
    grader.told = told(assignments=[NASTY])
    (first, _) = (await anna.page(PAGE)).buttons
    assert first == ("grade", NASTY)
    await anna.post(PAGE, do="grade", assignment=NASTY)
    assert grader.asked == [("POST", {"assignment": NASTY, "again": False})]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x00\r\n\r\n", id="no head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a length below zero"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", id="no chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 20_000 + b"\r\n", id="headers without end"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000, id="interim answers without end"),
    ],
)
async def test_an_answer_that_is_no_http_is_a_sentence(hub: Hub, anna: Browser, answer: bytes) -> None:
    before = tokens(hub, "anna")

    async def mumble(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.write(answer)
        request.transport.close()
        return web.Response()

    hub.kubernetes.servers[PLACE] = mumble
    assert NO in (await anna.page(PAGE)).text
    assert tokens(hub, "anna") == before


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "without end"])
async def test_a_slow_server_keeps_its_own_page_waiting_for_a_bounded_time_and_no_other(
    hub: Hub, anna: Browser, monkeypatch: pytest.MonkeyPatch, drips: bool
) -> None:
    asked, before = asyncio.Event(), tokens(hub, "anna")

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if drips:
            await response.prepare(request)
        asked.set()
        while True:
            await asyncio.sleep(0.05)
            if drips:
                await response.write(b" ")

    hub.kubernetes.servers[PLACE] = slow
    monkeypatch.setattr("coursehub.hub.own_server.SECONDS", 2.0)
    began = time.monotonic()
    waiting = asyncio.ensure_future(anna.get(PAGE))
    await asked.wait()
    maria = await hub.login("maria")
    assert (await maria.get("courses")).status_code == 200
    assert not waiting.done()
    assert "Your server did not answer within 2 seconds." in (await waiting).text
    assert time.monotonic() - began < 20
    assert tokens(hub, "anna") == before, "the token outlasts the question"


async def test_a_post_without_a_button_changes_nothing(hub: Hub, anna: Browser, grader: Grader) -> None:
    assert (await anna.post(PAGE, assignment="hw1")).status_code == 400
    assert grader.asked == []
