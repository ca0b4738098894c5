"""The hub's side of the provisioner: asked in time, shared, and refusals are sentences."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from coursehub.config.settings import ProvisionerService
from coursehub.errors import Reason, Refused
from coursehub.hub.volume.provisioner import SLOTS, Provisioner, needs
from coursehub.protocol import CourseRequest, HomeRequest, LookRequest
from pydantic import ValidationError

from tests.support import ANNA, MARIA, TODAY, catalog
from tests.unit.hub.volume.served import Answer, Asked, served

LOG = logging.getLogger("tests")
HOME = HomeRequest(verb="home", name="maria", uid=20001, gid=20001)
LOOK = LookRequest(verb="look", name="maria", uid=20001, others=("software",), course=("python-intro", 70101))
SENT: dict[str, Any] = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("one\n")
    return path


@pytest.mark.parametrize(
    ("slug", "wanted"),
    [
        (None, None),
        ("statistics-lab", None),
        ("python-intro", CourseRequest(verb="course", slug="python-intro", gid=70101, data="read-only")),
        ("data-analysis", CourseRequest(verb="course", slug="data-analysis", gid=70102, data="read-write")),
        ("old-course", CourseRequest(verb="course", slug="old-course", gid=70103, data="read-only", archived=True)),
    ],
)
def test_what_a_server_needs_is_its_home_and_its_courses_directories(slug: str | None, wanted: object) -> None:
    *course, home = needs(MARIA, catalog().courses[slug] if slug else None, TODAY)
    assert course == ([wanted] if wanted else []), "the list of people is a course's, so that one comes first"
    assert home == HOME.model_copy(update={"course": slug if wanted else None})


async def test_each_start_asks_anew_as_what_was_good_may_be_gone(token: Path) -> None:
    asked = Asked()
    async with served(asked) as service:
        ours = Provisioner(token, LOG)
        for _ in range(2):
            await ours.ensure(service, [HOME])
        assert asked.requests == [SENT, SENT]


async def test_what_a_look_finds_is_told_with_its_reason(token: Path) -> None:
    asked = Asked()
    async with served(asked) as service:
        ours = Provisioner(token, LOG)
        asked.reply = {"refusal": None, "reason": "other"}
        await ours.look(service, LOOK)
        await ours.share(service)
        assert asked.requests == [
            {"verb": "look", "name": "maria", "uid": 20001, "others": ["software"], "course": ["python-intro", 70101]},
            {"verb": "answers"},
        ]
        asked.reply = {"refusal": "The file server does not answer.", "reason": "file-server"}
        with pytest.raises(Refused, match=r"^The file server does not answer\.$") as refused:
            await ours.look(service, LOOK)
        assert refused.value.reason is Reason.FILE_SERVER


@pytest.mark.parametrize(
    ("status", "reply", "sentence"),
    [
        pytest.param(422, {"refusal": "it knows none"}, "Nobody could look at your directories: it knows", id="older"),
        pytest.param(200, {"changes": []}, "does not answer", id="another reply"),
        pytest.param(200, [], "does not answer", id="nonsense"),
    ],
)
async def test_a_look_that_nobody_took_is_a_sentence(token: Path, status: int, reply: object, sentence: str) -> None:
    asked = Asked()
    asked.status, asked.reply = status, reply
    async with served(asked) as service:
        with pytest.raises(Refused, match=sentence):
            await Provisioner(token, LOG).look(service, LOOK)


async def test_whether_the_share_answers_is_asked_also_while_there_is_no_room_for_starts(token: Path) -> None:
    looks: list[object] = []
    full, free = asyncio.Event(), asyncio.Event()

    async def answer(http: web.Request) -> web.Response:
        if (await http.json())["verb"] == "look":
            looks.append(http)
            if len(looks) == SLOTS:
                full.set()
            await free.wait()
        return web.json_response({"refusal": None, "reason": "other"})

    async with served(answer, within=30) as service:
        ours = Provisioner(token, LOG)
        starts = [asyncio.create_task(ours.look(service, LOOK)) for _ in range(SLOTS + 1)]
        await full.wait()
        async with asyncio.timeout(20):
            await ours.share(service)
        assert len(looks) == SLOTS
        free.set()
        await asyncio.gather(*starts)


async def test_all_who_need_the_same_at_once_share_one_request(token: Path) -> None:
    asked = Asked()
    asked.free.clear()
    async with served(asked) as service:
        ours = Provisioner(token, LOG)
        waiting = [asyncio.create_task(ours.ensure(service, [HOME])) for _ in range(20)]
        await asked.arrived.wait()
        waiting[0].cancel()
        asked.free.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        assert done[1:] == [None] * 19
        assert asked.requests == [SENT]


async def test_a_changed_token_is_used_at_once(token: Path) -> None:
    asked = Asked()
    async with served(asked) as service:
        ours = Provisioner(token, LOG)
        await ours.ensure(service, [HOME])
        token.write_text("two")  # noqa: ASYNC240 - a small file of the test
        await ours.ensure(service, [HOME])
    assert asked.tokens == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    ("status", "reply", "sentence"),
    [
        (401, {"refusal": "the token is missing or wrong"}, "does not know this hub.*tell the administrators"),
        (422, {"refusal": "the home belongs to uid 5"}, "could not be made ready: the home belongs to uid 5"),
        (503, {"refusal": "the file server does not answer"}, "could not be made ready: the file server does not"),
        (500, {}, "could not be made ready: HTTP 500"),
        (302, {}, "could not be made ready: HTTP 302"),
        (422, ["no object"], "could not be made ready: HTTP 422"),
    ],
)
async def test_a_refusal_is_a_sentence_and_is_never_remembered(
    token: Path, status: int, reply: Any, sentence: str
) -> None:
    asked = Asked()
    asked.status, asked.reply = status, reply
    async with served(asked) as service:
        ours = Provisioner(token, LOG)
        with pytest.raises(Refused, match=sentence):
            await ours.ensure(service, [HOME])
        asked.status = 200
        await ours.ensure(service, [HOME])
    assert len(asked.requests) == 2


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="<html>", content_type="text/html")


async def _broken(http: web.Request) -> web.StreamResponse:
    assert http.transport is not None
    http.transport.close()
    return web.Response()


@pytest.mark.parametrize("answer", [_page, _broken], ids=["no JSON", "the connection ends"])
async def test_an_answer_that_is_none_is_told(token: Path, answer: Answer) -> None:
    async with served(answer) as service:
        with pytest.raises(Refused, match=r"does not answer\. Please try again in a few minutes"):
            await Provisioner(token, LOG).ensure(service, [HOME])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid"], ids=["refused", "no such name"])
async def test_a_service_that_is_not_there_is_told(token: Path, url: str) -> None:
    with pytest.raises(Refused, match=r"does not answer\. Please try again in a few minutes"):
        await Provisioner(token, LOG).ensure(ProvisionerService(url=url, timeout=5), [HOME])


async def test_a_hub_without_a_token_tells_its_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with served(Asked()) as service:
        with pytest.raises(Refused, match="does not know this hub"):
            await Provisioner(tmp_path / "none", LOG).ensure(service, [HOME])
        said = f"there is no token; make Secret coursehub-provisioner with the one of {service.url}"
    assert said in caplog.text


async def test_a_service_that_hangs_is_told_in_time_also_to_those_for_whom_there_was_no_room(token: Path) -> None:
    asked = Asked()
    asked.free.clear()
    async with served(asked, within=0.5) as service:
        ours = Provisioner(token, LOG)
        many = [ours.ensure(service, [HOME.model_copy(update={"name": f"p{number}"})]) for number in range(60)]
        async with asyncio.timeout(20):
            done = await asyncio.gather(*many, return_exceptions=True)
        assert {str(each) for each in done} == {
            "The service that looks after directories does not answer. Please try again in a few minutes."
        }
        asked.free.set()
        await ours.ensure(service.model_copy(update={"timeout": 30}), [HOME])


async def test_however_many_ask_at_once_a_service_that_answers_is_waited_for(token: Path) -> None:
    """All of them take several times the time-out."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(0.4)
        return web.json_response({"changes": []})

    async with served(answer, within=2) as service:
        ours = Provisioner(token, LOG)
        many = [ours.ensure(service, [HOME.model_copy(update={"name": f"p{number}"})]) for number in range(10 * SLOTS)]
        assert await asyncio.gather(*many) == [None] * 10 * SLOTS


async def test_the_home_and_the_course_are_asked_for_together_and_one_refusal_is_enough(token: Path) -> None:
    async def answer(http: web.Request) -> web.Response:
        request = await http.json()
        return web.json_response({"refusal": "no"}, status=200 if request["verb"] == "home" else 422)

    async with served(answer) as service:
        with pytest.raises(Refused, match="could not be made ready: no"):
            await Provisioner(token, LOG).ensure(service, needs(ANNA, catalog().courses["python-intro"], TODAY))


@pytest.mark.parametrize(
    "values",
    [
        {"url": "file:///etc"},
        {"url": "http://a/b"},
        {"url": "http://a@b"},
        {"url": "http://a", "timeout": 0},
        {"url": "http://a", "timeout": "5"},
    ],
    ids=str,
)
def test_what_is_no_service_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProvisionerService.model_validate(values)
