"""Each server has an origin of its own, at which the hub's pages do not open; requests as the proxy hands them on."""

import httpx
import pytest
from jupyterhub.handlers.base import SESSION_COOKIE_NAME

from tests.hub.conftest import HOST, Hub

pytestmark = pytest.mark.asyncio(loop_scope="session")
SERVER = f"maria.{HOST}"


def port(hub: Hub) -> str:
    return str(hub.app.subdomain_host).rpartition(":")[2]


async def ask(hub: Hub, method: str, path: str, host: str, cookies: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(base_url=hub.app.hub.host, verify=False, cookies=cookies) as client:  # noqa: S501
        return await client.request(method, path, headers={"Host": host})


@pytest.mark.parametrize("path", ["/hub/login", "/hub/home?a=b", "/hub/token", "/hub/spawn", "/hub/api/user"])
async def test_w9_a_page_of_the_hub_at_a_servers_origin_leads_to_the_hub(hub: Hub, path: str) -> None:
    answer = await ask(hub, "GET", path, SERVER)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{HOST}:{port(hub)}{path}")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_w9_nothing_is_changed_by_way_of_a_servers_origin(hub: Hub, method: str) -> None:
    answer = await ask(hub, method, "/hub/api/users/maria/tokens", f"{SERVER}:8000")
    assert answer.status_code == 403
    assert f"The hub is at http://{HOST}:{port(hub)} alone." in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", [HOST, f"{HOST}:8000", "hub:8081", "127.0.0.1"])
async def test_at_its_own_address_and_within_the_cluster_the_hub_answers(hub: Hub, host: str) -> None:
    assert (await ask(hub, "GET", "/hub/login", host)).status_code == 200


async def test_a_server_that_does_not_run_is_asked_for_at_the_hub(hub: Hub) -> None:
    answer = await ask(hub, "GET", "/user/maria/lab", SERVER)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{HOST}:{port(hub)}/hub/user/maria/lab")


async def test_w9_cookies_are_of_one_host_and_the_one_of_the_whole_domain_opens_nothing(hub: Hub) -> None:
    async with httpx.AsyncClient(base_url=hub.app.hub.host, verify=False) as client:  # noqa: S501
        page = await client.get("/hub/login", headers={"Host": HOST})
        xsrf = page.cookies["_xsrf"]
        login = await client.post(
            "/hub/login",
            headers={"Host": HOST, "Cookie": f"_xsrf={xsrf}"},
            data={"username": "maria", "password": "x", "_xsrf": xsrf},
        )
    assert login.status_code == 302, login.text
    given = page.headers.get_list("Set-Cookie") + login.headers.get_list("Set-Cookie")
    whole = {cookie.partition("=")[0] for cookie in given if "domain=" in cookie.lower()}
    assert whole == {SESSION_COOKIE_NAME}
    (session,) = (cookie for cookie in given if cookie.startswith(SESSION_COOKIE_NAME))
    value = session.partition("=")[2].partition(";")[0]
    for path, status in (("/hub/home", 302), ("/hub/api/user", 403), ("/hub/api/users/maria", 403)):
        answer = await ask(hub, "GET", path, HOST, {SESSION_COOKIE_NAME: value})
        assert answer.status_code == status, path
