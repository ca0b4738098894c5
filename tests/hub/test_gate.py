"""A finished pod at a real hub: what its server is told is what JupyterHub itself says, or there is no pod."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.hub.conftest import BENDS, Hub

pytestmark = pytest.mark.asyncio(loop_scope="session")

COURSE = b'{"profile": "python-intro"}'
OWN = re.compile(r"JUPYTERHUB_|JPY_|MEM_|CPU_|JUPYTER_IMAGE")


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}


async def test_a_server_finds_the_hub_and_its_own_address_and_its_token_is_its_persons(hub: Hub) -> None:
    assert await hub.start("maria", COURSE) == "ready"
    found = environment(hub.kubernetes.made[0])
    assert found["JUPYTERHUB_API_URL"] == hub.app.hub.api_url
    assert found["JUPYTERHUB_USER"] == "maria"
    assert found["JUPYTERHUB_SERVICE_PREFIX"] == f"{hub.app.base_url}user/maria/"
    scopes = ["access:servers!server=maria/", "access:servers!user=maria"]
    assert json.loads(found["JUPYTERHUB_OAUTH_ACCESS_SCOPES"]) == scopes
    async with httpx.AsyncClient(headers={"Authorization": f"token {found['JUPYTERHUB_API_TOKEN']}"}) as server:
        assert (await server.get(f"{hub.app.hub.api_url}/user")).json()["name"] == "maria"


async def test_y21_whichever_of_jupyterhubs_own_variables_a_sites_hook_bends_there_is_no_pod_and_no_value_in_the_log(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert await hub.start("maria", COURSE) == "ready"
    plain = environment(hub.kubernetes.made.pop())
    await hub.stop("maria")
    own = [name for name in plain if OWN.match(name)]
    assert len(own) > 20, own
    for name in own:

        def another(pod: Any, name: str = name) -> None:
            (found,) = (each for each in pod.spec.containers[0].env if each.name == name)
            found.value = f"a-hooks-secret{found.value}"

        monkeypatch.setitem(BENDS, "maria", another)
        assert "Please tell the administrators" in await hub.start("maria", COURSE), name
        assert not hub.kubernetes.made, name
        assert f"the variable {name} has another value" in caplog.text
    assert "a-hooks-secret" not in caplog.text


async def test_y13_an_annotation_that_nobody_planned_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        BENDS, "maria", lambda pod: pod.metadata.annotations.update({"k8s.v1.cni.cncf.io/networks": "x"})
    )
    assert "Please tell the administrators" in await hub.start("maria", COURSE)
    assert not hub.kubernetes.made


async def test_group_overrides_lead_no_server_to_another_hub_and_let_nobody_in(hub: Hub) -> None:
    await hub.login("jonas")
    hub.app.users["jonas"].sync_groups(["astray"])
    try:
        for _ in range(2):
            assert await hub.start("jonas", COURSE) == "ready"
            found = environment(hub.kubernetes.made.pop())
            assert found["JUPYTERHUB_API_URL"] == hub.app.hub.api_url
            assert '"access:servers"' not in found["JUPYTERHUB_OAUTH_ACCESS_SCOPES"]
            await hub.stop("jonas")
    finally:
        hub.app.users["jonas"].sync_groups([])
