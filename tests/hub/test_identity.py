"""Who somebody is by their last login, in a hub that keeps its auth_state."""

import pytest

from tests.hub.conftest import UID, Hub, Login

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


async def test_i4_two_spellings_of_a_login_are_one_account(hub: Hub) -> None:
    page = await (await hub.login("MARIA")).page("spawn")
    assert "python-intro" in page.choices
    assert [name for name in (user.name for user in hub.app.users.values()) if name.lower() == "maria"] == ["maria"]
