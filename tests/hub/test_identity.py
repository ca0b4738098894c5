"""Who somebody is by their last login, in a hub that keeps its auth_state."""

import pytest
from coursehub.names import PERSON_RULE

from tests.hub.conftest import SITE, Browser, Form, Hub, Login, uid_of, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

UID = uid_of("lena")
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
        pytest.param("x" * 255, id="255 letters"),
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
    if len(name) > 255:
        assert answer.status_code == 400, "no such name fits the hub's database"
        return
    assert answer.status_code == 302, answer.text
    there = Browser(client, name)
    response = await there.get("courses")
    assert f"cannot have a server here: {PERSON_RULE}. Please contact the administrators" in Form(response.text).text
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


LENA = "identity: {provider: authState, login: {domain: example.edu}, authState: {gids: {stats: 70102}}}\n"


async def refusal(hub: Hub, says: str) -> str:
    """What somebody reads whom the identity provider calls so, and who is not let in."""
    client = hub._client()
    await client.get("login")
    params = {"_xsrf": client.cookies["_xsrf"]}
    answer = await client.post("login", params=params, data={"username": says, "password": "x"})
    assert answer.status_code == 403, answer.text
    return Form(answer.text).text


async def test_an_address_of_the_universitys_domain_is_the_name_before_the_at(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Login.claims, "Lena@Example.edu", {"uidNumber": [str(UID)], "gidNumber": 20001, "sub": "7"})
    async with hub.identity(LENA):
        lena = await hub.login("Lena@Example.edu")
        await lena.choose("general")
        assert await hub.outcome("lena") == "ready"
        security = hub.kubernetes.made[0]["spec"]["securityContext"]
        assert security["runAsUser"] == UID
        await hub.stop("lena")
        for other in ("lena@example.org", "lena"):
            assert "Only accounts of example.edu can log in here" in await refusal(hub, other)
    assert "lena@example.edu" not in {user.name for user in hub.app.users.values()}


async def test_i4_a_login_of_another_person_does_not_become_an_account_that_is_there(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a letter that is a k in lower case, or as another account of a provider that tells capitals apart."""
    monkeypatch.setitem(Login.claims, "erika", {"sub": "first"})
    monkeypatch.setitem(Login.claims, "Erika", {"sub": "second"})
    await hub.login("erika")
    assert "has letters that look like others" in await refusal(hub, "eri\u212aa")
    assert "The account 'erika' is that of another login" in await refusal(hub, "Erika")
    await hub.login("erika")


async def test_a_login_of_digits_is_a_person(hub: Hub) -> None:
    async with hub.values(
        SITE.replace("      maria: {", '      "20001": {uid: 20001, gid: 20001}\n      nobody-else: {')
    ):
        browser = await hub.login("20001")
        assert "python-intro" in (await browser.page("spawn")).choices
