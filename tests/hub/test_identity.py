"""Who somebody is by their last login, in a hub that keeps its auth_state."""

import pytest

from tests.hub.conftest import UID, Browser, Form, Hub, Login, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "is not known in the university's directory"


async def test_claims_of_the_last_login_decide(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    claims: dict[str, object] = {"uidNumber": str(UID), "gidNumber": "20001"}
    monkeypatch.setitem(Login.claims, "lena", claims)
    async with hub.identity("identity: {provider: authState, authState: {gids: {stats: 70102}}}\n"):
        lena = await hub.login("lena")
        assert "data-analysis--instructor" not in (await lena.page("spawn")).choices

        claims["groups"] = ["stats"]
        assert "data-analysis--instructor" not in (await lena.page("spawn")).choices, "not before they log in again"
        lena = await hub.login("lena")
        assert "data-analysis--instructor" in (await lena.page("spawn")).choices
        await lena.choose("general")
        assert await hub.outcome("lena") == "ready"
        assert hub.kubernetes.made[0]["spec"]["securityContext"]["runAsUser"] == UID
        await hub.stop("lena")

        claims["uidNumber"] = UID + 100
        lena = await hub.login("lena")
        await lena.choose("general")
        assert f"belongs to uid {UID}, but the directory says that you are uid {UID + 100}" in await hub.outcome("lena")
        assert len(hub.kubernetes.made) == 1


async def test_a_login_without_claims_is_nobody(hub: Hub) -> None:
    async with hub.identity("identity: {provider: authState}\n"):
        jonas = await hub.login("jonas")
        assert UNKNOWN in (await jonas.page("spawn")).text
    assert (await jonas.page("spawn")).choices


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../x", id="a path"),
        pytest.param("a/b", id="a slash"),
        pytest.param(".", id="a dot"),
        pytest.param("..", id="two dots"),
        pytest.param("a b", id="a space"),
        pytest.param("a%2fb", id="an escaped slash"),
        pytest.param("a\nplanned: user=root", id="a line"),
        pytest.param("-x", id="an option"),
        pytest.param("x" * 300, id="300 letters"),
        pytest.param("\u0430nna", id="a Cyrillic a"),
        pytest.param("{unescaped_username}", id="a template"),
        pytest.param("<script>alert(1)</script>x", id="Y18 a script"),
    ],
)
async def test_i2_a_login_name_that_is_none_gets_no_pod_and_reads_why(
    hub: Hub, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = hub._client()
    await client.get("login")
    params = {"_xsrf": client.cookies["_xsrf"]}
    answer = await client.post("login", params=params, data={"username": name, "password": "x"})
    if "/" in name or name in (".", ".."):
        assert answer.status_code == 403, "JupyterHub itself lets nobody of that name in"
        return
    assert answer.status_code == 302, answer.text
    there = Browser(client, name)
    response = await there.get("courses")
    assert "cannot have a server here. Please contact the administrators" in Form(response.text).text
    assert not Form(response.text).choices
    await there.post("courses", profile="general")
    (user,) = (user for user in hub.app.users.values() if user.name == name)
    await until(lambda: not user.spawner.active, "the start's refusal")
    assert not hub.kubernetes.made
    assert not [record for record in caplog.records if record.getMessage().startswith("planned:")]


async def test_i4_two_spellings_of_a_login_are_one_account(hub: Hub) -> None:
    page = await (await hub.login("MARIA")).page("spawn")
    assert "python-intro" in page.choices
    assert [name for name in (user.name for user in hub.app.users.values()) if name.lower() == "maria"] == ["maria"]
