"""The hub's database goes from the pinned JupyterHub to the newest, and back by the copy that was made before."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from coursehub.backup.copies import NEWEST as NEWEST_COPY
from coursehub.backup.copies import RESTORE

from tests import names, ports
from tests.hub.conftest import Kubernetes, cluster, looking_apart, mounted, until

from .hub import NEWEST, PINNED, Place


@pytest_asyncio.fixture
async def kubernetes() -> Kubernetes:
    """With no pod yet."""
    return Kubernetes()


@pytest_asyncio.fixture
async def place(tmp_path: Path, kubernetes: Kubernetes) -> AsyncIterator[Place]:
    """Where no hub was yet."""
    if os.geteuid():
        pytest.skip("only root gives homes away")
    names.resolve()
    kubeconfig, pod_port, end = await cluster(kubernetes, tmp_path)
    place = Place(tmp_path, ports.free(), pod_port, kubeconfig)
    with looking_apart(tmp_path, mounted(tmp_path)).running():
        place.volume.mkdir()
        yield place
    await end()


async def log_in(client: httpx.AsyncClient, name: str) -> str:
    """The token that somebody makes once they have logged in."""
    await client.get("login")
    xsrf = {"_xsrf": client.cookies["_xsrf"]}
    response = await client.post("login", params=xsrf, data={"username": name, "password": "x"})
    assert response.status_code == 302, response.text
    await client.get("home", headers={"Sec-Fetch-Mode": "navigate"})
    xsrf = {"_xsrf": client.cookies["_xsrf"]}
    response = await client.post("api/users/" + name + "/tokens", params=xsrf, json={"note": "kept"})
    token: str = response.json()["token"]
    return token


async def is_known(place: Place, client: httpx.AsyncClient, token: str) -> bool:
    """Whether login and token of somebody count."""
    page = await client.get("home", headers={"Sec-Fetch-Mode": "navigate"})
    async with place.client(headers={"Authorization": f"token {token}"}) as program:
        answer = await program.get("api/user")
    assert (page.status_code == 200) == (answer.status_code == 200), (page.status_code, answer.text)
    return page.status_code == 200


async def server_is_ready(place: Place, token: str) -> bool:
    """Whether the hub knows a server of the token's owner, and that it runs."""
    async with place.client(headers={"Authorization": f"token {token}"}) as program:
        model = (await program.get("api/user")).json()
    return bool(model["servers"].get("", {}).get("ready"))


async def test_an_upgrade_keeps_logins_tokens_and_servers_and_the_copy_brings_the_older_hub_back(
    place: Place, kubernetes: Kubernetes
) -> None:
    async with place.client() as maria, place.client() as jonas:
        async with place.hub(PINNED):
            token = await log_in(maria, "maria")
            async with place.client(headers={"Authorization": f"token {token}"}) as program:
                await program.post("api/users/maria/server", json={"profile": "python-intro"})
            await until(lambda: server_is_ready(place, token), "the server of maria", 120)
        (pod,) = kubernetes.made

        async with place.hub(NEWEST) as said:
            assert await is_known(place, maria, token), "the upgrade logged maria out"
            assert await server_is_ready(place, token), "the newer hub does not know the server"
            of_jonas = await log_in(jonas, "jonas")
            assert await is_known(place, jonas, of_jonas)
        assert any("copied to jupyterhub-" in line for line in said), said

        older = await place.begin(PINNED)
        output, _ = await older.communicate()
        assert older.returncode, "the older hub takes the newer database"
        assert "the database is of a newer JupyterHub" in output.decode(), output.decode()

        async with place.hub(PINNED, **{RESTORE: NEWEST_COPY}):
            assert await is_known(place, maria, token), "the copy does not know maria"
            assert await server_is_ready(place, token), "the copy does not know the server"
            assert not await is_known(place, jonas, of_jonas), "this is no copy from before the upgrade"
        assert list(kubernetes.made) == [pod], "a server was started anew"
        assert list(kubernetes.pods) == [pod["metadata"]["name"]], "the server did not outlast upgrade and return"
