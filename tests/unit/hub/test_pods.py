"""What the API server, or somebody on the way to it, answers about pods."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from coursehub.hub.pods import NoAnswer, Pods
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api
from kubernetes_asyncio.config import ConfigException

Answer = Callable[[int, str], Pods]


@pytest_asyncio.fixture
async def answering() -> AsyncIterator[Answer]:
    """The pods of an API server that always answers so."""
    said: dict[str, Any] = {}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(**said)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server, ApiClient(Configuration(host=str(server.make_url("")))) as client:

        def pods(status: int, text: str) -> Pods:
            said.update(status=status, text=text)
            return Pods(lambda: CoreV1Api(client), "teaching")

        yield pods


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        pytest.param(403, '{"message": "pods is forbidden"}', "pods is forbidden", id="forbidden"),
        pytest.param(500, "{}", "500", id="without a word"),
        pytest.param(502, "<html>Bad Gateway</html>", "502 <html>Bad Gateway</html>", id="a proxy on the way"),
        pytest.param(200, "404 page not found", "200 404 page not found", id="another server"),
    ],
)
async def test_what_is_no_answer_says_why(answering: Answer, status: int, text: str, why: str) -> None:
    pods = answering(status, text)
    for request in (pods.chosen("coursehub/role"), pods.make({}), pods.remove("room")):
        with pytest.raises(NoAnswer) as refused:
            await request
        assert str(refused.value).endswith(f"_namespaced_pod: {why}")


async def test_one_that_is_not_there_is_no_failure(answering: Answer) -> None:
    assert not await answering(404, '{"code": 404, "message": "not found"}').remove("room")
    assert await answering(200, '{"status": "Success"}').remove("room")


async def test_without_a_way_to_the_api_server_that_is_what_it_says() -> None:
    def none() -> Any:
        raise ConfigException("Service host/port is not set.")

    with pytest.raises(NoAnswer, match="Service host/port is not set"):
        await Pods(none, "teaching").chosen("coursehub/role")
