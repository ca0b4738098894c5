"""Usage in the background: by the provisioner's service or a Prometheus, and nobody warned of what is not known."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.hub.usage.poll import SiteProvider, UsagePoll
from coursehub.hub.usage.usage import DiskUse, Picture
from coursehub.hub.volume.provisioner import Provisioner
from coursehub.limits import Limit
from prometheus_client import CollectorRegistry, generate_latest

from tests.support import SITE, site
from tests.unit.hub.volume.served import Asked, served

LOG = logging.getLogger("tests")
GIB = 2**30
PICTURE = Picture(1790928000, {}, {"a": DiskUse(5, 1, Limit(10)), "b": DiskUse(7, 1, Limit())})
QUOTAS = "quotas: {home: {size: 10G}, courses: {python-intro: {size: 1T}}}\n"


def settings(usage: str, more: str = "") -> Settings:
    return site(f"{SITE}usage: {usage}\n{QUOTAS}{more}")


def row(path: str, size: int, limit: int | None = None, counted: str = "walk") -> dict[str, Any]:
    return {"path": path, "size": size, "files": 3, "limit": {"size": limit, "files": None}, "counted": counted}


async def counted(token: Path, asked: Asked) -> Picture:
    """What the provider `filesystem` makes of the answer."""
    async with served(asked) as service:
        values = settings("{provider: filesystem}", f"provisioner: {{url: '{service.url}', timeout: 5}}\n")
        return await SiteProvider(Provisioner(token, LOG), lambda: 7.0)(values)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("one\n")
    return tmp_path / "token"


async def test_the_service_is_asked_once_for_all_and_limits_are_the_file_systems_else_the_sites(token: Path) -> None:
    asked = Asked()
    asked.reply = {
        "usage": [
            row("home/01/maria", 9, 20, "quota"),
            row("home/02/jonas", 8),
            row("course/python-intro", 7),
            row("course/small", 6),
        ]
    }
    assert await counted(token, asked) == Picture(
        7.0,
        {"maria": DiskUse(9, 3, Limit(20)), "jonas": DiskUse(8, 3, Limit(10 * GIB))},
        {"python-intro": DiskUse(7, 3, Limit(1024 * GIB)), "small": DiskUse(6, 3, Limit())},
    )
    assert asked.requests == [{"verb": "usage"}]


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (503, {"refusal": "the file server does not answer"}, "It could not count: the file server does not answer"),
        (401, {}, "does not know this hub"),
        (200, {"usage": [{"path": "/etc"}]}, "gave no answer to use"),
        (200, {"usage": "much"}, "gave no answer to use"),
        (200, {}, "gave no answer to use"),
    ],
)
async def test_a_service_that_cannot_count_is_a_refusal_with_the_reason(
    token: Path, status: int, answer: dict[str, Any], message: str
) -> None:
    asked = Asked()
    asked.status, asked.reply = status, answer
    with pytest.raises(Refused, match=message):
        await counted(token, asked)


async def test_without_a_service_it_says_what_to_set(token: Path) -> None:
    with pytest.raises(Refused, match=r"set storage\.provisioner"):
        await SiteProvider(Provisioner(token, LOG))(settings("{provider: filesystem}"))


class Api:
    """As much of Prometheus' HTTP API as is asked for: instant vectors by metric and labels."""

    def __init__(self) -> None:
        self.samples: dict[str, dict[str, float]] = {}
        self.queries: list[str] = []
        self.body: Any = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        query = request.query["query"]
        self.queries.append(query)
        result = [
            {"metric": {"__name__": query.partition("{")[0], "directory": directory}, "value": [1.5, str(value)]}
            for directory, value in self.samples.get(query, {}).items()
        ]
        message = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return web.json_response(message if self.body is None else self.body)


@asynccontextmanager
async def prometheus(api: Api) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/prometheus/api/v1/query", api)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/prometheus/"
    finally:
        await runner.cleanup()


async def test_a_prometheus_knows_homes_and_courses_by_their_labels(token: Path) -> None:
    api = Api()
    api.samples = {
        'dirsize_total_size_bytes{job="a \\"b\\""}': {"/export/home/01/maria": 9e9, "jonas": 8, "/other/jonas": 2},
        'dirsize_hard_limit_bytes{job="a \\"b\\""}': {"/export/home/01/maria": 1e10},
        'dirsize_total_size_bytes{job="courses"}': {"python-intro/": 7},
    }
    async with prometheus(api) as url:
        labels = """homes: {job: 'a "b"'}, courses: {job: courses}"""
        values = settings(f"{{provider: prometheus, prometheus: {{url: '{url}', {labels}}}}}")
        found = await SiteProvider(Provisioner(token, LOG), lambda: 7.0)(values)
    assert found == Picture(
        7.0,
        {"maria": DiskUse(9 * 10**9, None, Limit(10**10)), "jonas": DiskUse(8, None, Limit(10 * GIB))},
        {"python-intro": DiskUse(7, None, Limit(1024 * GIB))},
    )
    assert len(api.queries) == 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"status": "error", "error": "parse error"}, "parse error"),
        ({"status": "success", "data": {"result": []}}, "has no dirsize_total_size_bytes{}"),
        ({"status": "success", "data": {"result": [{"metric": {}, "value": [1, "1"]}]}}, "KeyError"),
        (
            {"status": "success", "data": {"result": [{"metric": {"directory": "x"}, "value": [1, "NaN"]}]}},
            "ValueError",
        ),
        ([], "TypeError"),
        ("nonsense", "TypeError"),
    ],
)
async def test_a_prometheus_without_the_numbers_is_a_refusal(token: Path, body: Any, message: str) -> None:
    api = Api()
    api.body = body
    async with prometheus(api) as url:
        values = settings(f"{{provider: prometheus, prometheus: {{url: '{url}'}}}}")
        with pytest.raises(Refused, match=message):
            await SiteProvider(Provisioner(token, LOG))(values)


async def test_a_prometheus_that_is_away_is_a_refusal(token: Path) -> None:
    values = settings("{provider: prometheus, prometheus: {url: 'http://127.0.0.1:1'}}")
    with pytest.raises(Refused, match="gave no answer to use"):
        await SiteProvider(Provisioner(token, LOG))(values)


class Counting:
    """A provider that counts as told."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None

    async def __call__(self, _: Settings) -> Picture:
        self.asked += 1
        if self.failure:
            raise self.failure
        return PICTURE


@pytest.mark.parametrize("failure", [Refused("it is away"), RuntimeError("it is away")])
async def test_a_provider_that_fails_warns_nobody_and_is_told_once_until_it_is_back(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Counting()
    measuring = UsagePoll(lambda: settings("{provider: filesystem}"), counting, LOG)
    await measuring.look()
    assert measuring.picture == PICTURE
    counting.failure = failure
    for _ in range(2):
        await measuring.look()
        assert measuring.picture is None
    assert caplog.text.count("nobody is warned") == 1
    assert numbers(measuring) == {"coursehub_usage_error": 1}
    counting.failure = None
    await measuring.look()
    assert measuring.picture == PICTURE
    assert "known again" in caplog.text


async def test_without_a_provider_nothing_is_asked() -> None:
    counting = Counting()
    measuring = UsagePoll(site, counting, LOG)
    await measuring.look()
    assert (counting.asked, measuring.picture, measuring.failure) == (0, None, None)


async def test_it_looks_again_when_the_site_changes_its_mind() -> None:
    counting = Counting()
    now = [site()]
    measuring = UsagePoll(lambda: now[0], counting, LOG)
    following = asyncio.create_task(measuring.follow())
    await asyncio.sleep(0.1)
    now[0] = settings("{provider: filesystem, interval: 86400}")
    async with asyncio.timeout(20):
        while not counting.asked:  # noqa: ASYNC110 - it offers no event
            await asyncio.sleep(0.1)
    following.cancel()


def numbers(measuring: UsagePoll) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(measuring)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_a_scrape_finds_what_courses_take_and_may_take() -> None:
    measuring = UsagePoll(lambda: settings("{provider: filesystem}"), Counting(), LOG)
    await measuring.look()
    assert numbers(measuring) == {
        "coursehub_usage_error": 0,
        "coursehub_usage_timestamp_seconds": 1790928000,
        'coursehub_course_usage_bytes{course="a"}': 5,
        'coursehub_course_usage_bytes{course="b"}': 7,
        'coursehub_course_limit_bytes{course="a"}': 10,
    }
