"""Who may do what at a running hub, and what its pages let a browser do; docs/security.md names these tests."""

import pytest
import pytest_asyncio

from tests.hub.conftest import Hub, Login

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_persons_rights_end_at_their_own_server_and_name(hub: Hub) -> None:
    scopes = (await hub.rest("maria", "GET", "user")).json()["scopes"]
    assert "access:servers!user=maria" in scopes
    assert [scope for scope in scopes if not scope.endswith("!user=maria")] == []


async def test_an_admins_rights_reach_into_everybodys_server(hub: Hub) -> None:
    """So says JupyterHub's role, whatever `admin_access` is; the page tells admins so."""
    assert "access:servers" in (await hub.rest("sofia", "GET", "user")).json()["scopes"]


@pytest.mark.parametrize("path", ["users", "users/jonas", "groups", "services", "proxy"])
async def test_who_else_there_is_a_person_is_not_told(hub: Hub, path: str) -> None:
    await hub.login("jonas")
    assert (await hub.rest("maria", "GET", path)).status_code in (403, 404)


async def test_nobody_shares_a_server(hub: Hub) -> None:
    await hub.login("jonas")
    for path in ("shares/maria/", "share-codes/maria/"):
        answer = await hub.rest("maria", "POST", path, b'{"user": "jonas"}')
        assert answer.status_code == 403, answer.text


async def test_a_person_has_one_server_and_no_named_ones(hub: Hub) -> None:
    answer = await hub.rest("maria", "POST", "users/maria/servers/second", b"{}")
    assert answer.status_code == 400, answer.text
    assert "Named servers are not enabled" in answer.text


@pytest.mark.parametrize("path", ["metrics", "api/info", "api/user"])
async def test_who_has_not_logged_in_reads_no_metrics_and_nothing_of_anybody(hub: Hub, path: str) -> None:
    async with hub._client() as nobody:
        assert (await nobody.get(path)).status_code == 403


@pytest.mark.parametrize(("name", "status"), [("maria", 403), ("sofia", 200)])
async def test_metrics_are_for_admins(hub: Hub, name: str, status: int) -> None:
    await hub.login(name)
    token = hub.app.users[name].new_api_token()
    async with hub._client() as client:
        assert (await client.get("metrics", headers={"Authorization": f"token {token}"})).status_code == status


async def test_a_token_in_an_address_opens_nothing(hub: Hub) -> None:
    await hub.login("maria")
    token = hub.app.users["maria"].new_api_token()
    async with hub._client() as nobody:
        assert (await nobody.get("api/user", headers={"Authorization": f"token {token}"})).status_code == 200
        assert (await nobody.get("api/user", params={"token": token})).status_code == 403


@pytest.mark.parametrize("path", ["login", "courses", "spawn", "home", "token"])
async def test_no_page_of_the_hub_can_be_framed(hub: Hub, path: str) -> None:
    answer = await (await hub.login("maria")).get(path)
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_whom_an_admin_deletes_has_no_server_no_session_and_no_token(hub: Hub) -> None:
    browser = await hub.login("jonas")
    token = hub.app.users["jonas"].new_api_token()
    assert await hub.start("jonas") == "ready"
    assert (await browser.get("home")).url.path.endswith("/home")
    assert (await hub.rest("sofia", "DELETE", "users/jonas")).status_code == 204
    assert not hub.kubernetes.pods
    assert (await browser.get("home")).url.path.endswith("/login")
    async with hub._client() as nobody:
        assert (await nobody.get("api/user", headers={"Authorization": f"token {token}"})).status_code == 403


PENDING = pytest.mark.parametrize("pending", [False, True], ids=["no start", "during a start"])


@pytest_asyncio.fixture(loop_scope="session")
async def start(hub: Hub, pending: bool) -> None:
    """Maria's server is being started, and nothing is decided yet, where `pending` says so."""
    await hub.login("maria")
    if pending:
        Login.starts_may_go_on.clear()
        assert (await hub.rest("maria", "POST", "users/maria/server", b"{}")).status_code == 202


@PENDING
@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        # Of nobody, of another's token, of a token for something else, of a session without the page's xsrf token.
        pytest.param("GET", "courses", (302, 302, 302, 200), id="start page"),
        pytest.param("GET", "courses/python-intro", (302, 302, 302, 200), id="link to a course"),
        pytest.param("POST", "courses", (403, 403, 403, 403), id="choice"),
        pytest.param("GET", "courses/python-intro/grading", (302, 302, 302, 403), id="grading"),
        pytest.param("POST", "courses/python-intro/grading", (403, 403, 403, 403), id="grading begun"),
        pytest.param("GET", "coursehub/notes", (403, 200, 403, 403), id="notes"),
        pytest.param("POST", "coursehub/notes", (403, 403, 403, 403), id="notes sent"),
        pytest.param("GET", "coursehub/spawn-test", (403, 403, 403, 403), id="turn of the spawn test"),
        pytest.param("POST", "coursehub/spawn-test", (403, 403, 403, 403), id="report of the spawn test"),
        pytest.param("GET", f"coursehub/executions/{'a' * 32}", (403, 403, 403, 403), id="execution"),
        pytest.param("PUT", f"coursehub/executions/{'a' * 32}", (403, 403, 403, 403), id="execution begun"),
        pytest.param("DELETE", f"coursehub/executions/{'a' * 32}", (403, 403, 403, 403), id="execution ended"),
        pytest.param("POST", f"coursehub/executions/{'a' * 32}", (405, 405, 405, 405), id="execution sent"),
        pytest.param("GET", "metrics", (403, 403, 403, 403), id="metrics"),
    ],
)
async def test_each_address_of_ours_asks_first_who_asks(
    hub: Hub, start: None, method: str, path: str, statuses: tuple[int, ...]
) -> None:
    await hub.login("jonas")
    narrow = hub.app.users["maria"].new_api_token(scopes=["read:users:name!user"])
    tokens = [None, hub.app.users["jonas"].new_api_token(), narrow]
    found = []
    for token in tokens:
        async with hub._client() as client:
            headers = {"Authorization": f"token {token}"} if token else {}
            answer = await client.request(method, path, headers=headers)
            found.append(answer.status_code)
            assert token == narrow or "maria" not in answer.text
    session = (await hub.login("maria"))._client
    answer = await session.request(method, path, headers={"Sec-Fetch-Mode": "cors"})
    assert (*found, answer.status_code) == statuses
    assert not hub.kubernetes.made
