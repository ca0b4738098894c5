"""S7: what Kubernetes' API refuses is a sentence to the person; its own words are for the admins."""

import asyncio
import json
from typing import Any

import pytest
from kubespawner import KubeSpawner
from kubespawner.clients import shared_client

from tests.hub.conftest import AUDIT, Hub, until
from tests.hub.failing import POD, asked, counted, starting

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROFILE = b'{"profile": "data-analysis"}'
NO_ROOM = (
    "Your server was not started, because the cluster has no room for one more now. Please start it again later, and "
    "tell the administrators if it stays so."
)
NOT_ALLOWED = (
    "Your server was not started, because the cluster does not allow it as it is set up. Starting it again does not "
    "help; please tell the administrators."
)
NO_ANSWER = (
    "Your server was not started, because the cluster does not answer as it should. Please start it again in some "
    "minutes, and tell the administrators if it stays so."
)
NOT_ENDED = "The cluster did not end your server when it was asked to, so it may still be there."


def status(code: int, reason: str, message: str, **details: Any) -> tuple[int, str]:
    """An answer as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return code, json.dumps(
        {**body, "reason": reason, "details": {"name": POD, "kind": "pods", **details}, "code": code}
    )


def forbidden(why: str, **details: Any) -> tuple[int, str]:
    """What admission says."""
    return status(403, "Forbidden", f'pods "{POD}" is forbidden: {why}', **details)


REFUSALS: dict[str, tuple[tuple[int, str], str, str]] = {
    "a quota that is used up": (
        forbidden("exceeded quota: servers, requested: pods=1, used: pods=2, limited: pods=2"),
        NO_ROOM,
        f'403 Forbidden: pods "{POD}" is forbidden: exceeded quota: servers, requested: pods=1, used: pods=2, '
        "limited: pods=2",
    ),
    "a quota of something that no server says": (
        forbidden("failed quota: servers: must specify limits.ephemeral-storage for: notebook"),
        NOT_ALLOWED,
        "must specify limits.ephemeral-storage",
    ),
    "a quota that is counted for the first time": (
        forbidden("status unknown for quota: servers, resources: pods"),
        NO_ANSWER,
        "status unknown for quota: servers",
    ),
    "a limit range": (
        forbidden("maximum memory usage per Container is 1Gi, but limit is 2Gi"),
        NOT_ALLOWED,
        "maximum memory usage per Container is 1Gi",
    ),
    "Pod Security": (
        forbidden('violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)'),
        NOT_ALLOWED,
        'violates PodSecurity "restricted:latest"',
    ),
    "an admission webhook": (
        status(403, "", 'admission webhook "policy.example.edu" denied the request: \x1b[2J<b>no</b>\nnot here'),
        NOT_ALLOWED,
        'admission webhook "policy.example.edu" denied the request: <b>no</b> not here',
    ),
    "an admission webhook that is away": (
        status(500, "InternalError", 'Internal error occurred: failed calling webhook "policy.example.edu": refused'),
        NO_ANSWER,
        "failed calling webhook",
    ),
    "an admission policy": (
        status(422, "Invalid", f"pods \"{POD}\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied"),
        NOT_ALLOWED,
        "ValidatingAdmissionPolicy 'p'",
    ),
    "a pod that is none": (
        status(422, "Invalid", f'Pod "{POD}" is invalid: spec.nodeSelector: Invalid value: "x y"'),
        NOT_ALLOWED,
        "spec.nodeSelector: Invalid value",
    ),
    "a namespace that ends": (
        forbidden(
            "unable to create new content in namespace courses because it is being terminated",
            causes=[{"reason": "NamespaceTerminating", "message": "namespace courses is being terminated"}],
        ),
        NOT_ALLOWED,
        "because it is being terminated",
    ),
    "a namespace that is not there": (
        status(404, "NotFound", 'namespaces "courses" not found', kind="namespaces"),
        NOT_ALLOWED,
        'namespaces "courses" not found',
    ),
    "a right that the hub has not": (
        status(403, "Forbidden", 'pods is forbidden: User "system:serviceaccount:courses:hub" cannot create resource'),
        NOT_ALLOWED,
        'User "system:serviceaccount:courses:hub" cannot create resource',
    ),
    "a token that is no more": (status(401, "Unauthorized", "Unauthorized"), NOT_ALLOWED, "401 Unauthorized"),
    "too many requests": (
        status(429, "TooManyRequests", "Too many requests, please try again later."),
        NO_ANSWER,
        "429 Too Many Requests: Too many requests, please try again later.",
    ),
    "an error of its own": (status(500, "InternalError", "etcdserver: request timed out"), NO_ANSWER, "etcdserver"),
    "no Status": ((503, "<html>upstream " + "x" * 100_000), NO_ANSWER, "503 Service Unavailable: <html>upstream xxx"),
    "nothing": ((502, ""), NO_ANSWER, "502 Bad Gateway"),
}


@pytest.mark.parametrize(
    ("answer", "sentence", "detail"), [pytest.param(*row, id=name) for name, row in REFUSALS.items()]
)
async def test_s7_a_pod_that_is_refused_is_a_sentence_to_the_person_and_the_apis_words_are_in_log_and_record(
    hub: Hub, answer: tuple[int, str], sentence: str, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    maria = await hub.login("maria")
    before = await counted(hub, "coursehub_spawn_failures", "refused")
    hub.kubernetes.refusals["POST pods"] = answer
    assert await hub.start("maria", PROFILE) == f"Spawn failed: {sentence}"
    for path in ("spawn-pending/maria", "courses", "home"):
        page = await maria.get(path)
        if path != "home":
            assert sentence in page.text
        for word in (AUDIT, POD, "Status", "HTTP response", "forbidden", "policy.example.edu"):
            assert word not in page.text, f"{path} says {word}"

    (newest, *_) = (await asked(hub))["failures"]
    assert (newest["reason"], newest["stage"], newest["sentence"]) == ("refused", "start", sentence)
    assert (newest["course"], newest["role"], newest["pod"]) == ("data-analysis", "student", POD)
    assert newest["image"] == "registry.example/r:1"
    assert detail in newest["detail"]
    assert newest["detail"].isprintable()
    assert len(newest["detail"]) <= 500
    logged = [entry.getMessage() for entry in caplog.records if "reason=refused" in entry.getMessage()]
    assert logged == [f"failed: user=maria course=data-analysis stage=start reason=refused: {newest['detail']}"]
    assert await counted(hub, "coursehub_spawn_failures", "refused") == before + 1
    assert not hub.kubernetes.pods

    hub.kubernetes.refusals.clear()
    assert await hub.start("maria", PROFILE) == "ready"
    assert sentence not in (await maria.get("courses")).text


async def test_s7_who_starts_by_the_form_reads_the_same(hub: Hub) -> None:
    hub.kubernetes.refusals["POST pods"] = REFUSALS["a quota that is used up"][0]
    maria = await hub.login("maria")
    await maria.choose("data-analysis")
    assert await hub.outcome("maria") == f"Spawn failed: {NO_ROOM}"
    assert NO_ROOM in (await maria.get("spawn-pending/maria")).text


async def test_s7_p6_refusals_in_a_row_never_end_the_hub(hub: Hub) -> None:
    hub.kubernetes.refusals["POST pods"] = REFUSALS["a quota that is used up"][0]
    for _ in range(7):
        assert NO_ROOM in await hub.start("maria", PROFILE)
    # JupyterHub waits two seconds before it exits.
    await asyncio.sleep(2.2)
    hub.kubernetes.refusals.clear()
    assert await hub.start("jonas", b'{"profile": "python-intro"}') == "ready"


@pytest.fixture
def impatient(hub: Hub) -> Any:
    """A hub that gives the API server a second."""
    traits = {"k8s_api_request_timeout": 1, "k8s_api_request_retry_timeout": 1, "start_timeout": 8}
    hub.app.config.KubeSpawner.update(traits)
    for user in hub.app.users.values():
        user.spawners.pop("", None)
    yield
    for name in traits:
        del hub.app.config.KubeSpawner[name]
    for user in hub.app.users.values():
        user.spawners.pop("", None)


@pytest.mark.usefixtures("impatient")
async def test_s7_an_api_that_does_not_answer_is_a_sentence(hub: Hub) -> None:
    maria = await hub.login("maria")
    hub.kubernetes.refusals["POST pods"] = None
    assert await hub.start("maria", PROFILE) == f"Spawn failed: {NO_ANSWER}"
    assert POD not in (await maria.get("courses")).text
    (newest, *_) = (await asked(hub))["failures"]
    assert (newest["reason"], newest["stage"]) == ("refused", "start")
    assert newest["detail"] == f"TimeoutError: Could not create pod courses/{POD}"


async def test_s7_an_api_that_is_away_is_a_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    client = shared_client("CoreV1Api").api_client
    monkeypatch.setattr(client.configuration, "_base_path", "http://127.0.0.1:9")
    assert await hub.start("maria", PROFILE) == f"Spawn failed: {NO_ANSWER}"
    assert "127.0.0.1" in (await asked(hub))["failures"][0]["detail"]


async def afresh(hub: Hub) -> None:
    """A hub that has not looked at anything yet."""
    await KubeSpawner._stop_all_reflectors()
    for user in hub.app.users.values():
        user.spawners.pop("", None)


@pytest.mark.parametrize("kind", ["pods", "events"])
async def test_s7_where_the_hub_may_not_look_the_start_ends_in_a_sentence_and_the_next_one_looks_again(
    hub: Hub, kind: str
) -> None:
    maria = await hub.login("maria")
    await afresh(hub)
    hub.kubernetes.refusals[f"GET {kind}"] = status(403, "Forbidden", f"{kind} is forbidden: User cannot list")
    assert await hub.start("maria", PROFILE) == f"Spawn failed: {NOT_ALLOWED}"
    assert (await asked(hub))["failures"][0]["detail"] == "403 Forbidden"
    assert AUDIT not in (await maria.get("courses")).text
    hub.kubernetes.refusals.clear()
    assert await hub.start("maria", PROFILE) == "ready"


@pytest.mark.usefixtures("impatient")
async def test_s7_where_a_look_is_never_answered_the_start_ends_in_a_sentence_before_jupyterhub_ends_it_in_none(
    hub: Hub,
) -> None:
    await hub.login("maria")
    await afresh(hub)
    hub.kubernetes.refusals["GET events"] = None
    try:
        assert await hub.start("maria", PROFILE) == f"Spawn failed: {NO_ANSWER}"
        assert (await asked(hub))["failures"][0]["detail"] == "no answer in time"
    finally:
        hub.kubernetes.refusals.clear()
        await afresh(hub)


async def test_s7_a_service_that_is_refused_is_a_sentence_and_leaves_no_pod(hub: Hub) -> None:
    hub.app.config.KubeSpawner.services_enabled = True
    hub.app.users["maria"].spawners.pop("", None)
    hub.kubernetes.refusals["DELETE services"] = status(404, "NotFound", f'services "{POD}" not found')
    hub.kubernetes.refusals["POST services"] = status(
        403, "Forbidden", f'services "{POD}" is forbidden: exceeded quota: services, used: services=0'
    )
    try:
        assert await hub.start("maria", PROFILE) == f"Spawn failed: {NO_ROOM}"
    finally:
        del hub.app.config.KubeSpawner["services_enabled"]
        hub.app.users["maria"].spawners.pop("", None)
    assert not hub.kubernetes.pods
    assert "services=0" in (await asked(hub))["failures"][0]["detail"]


async def test_s7_a_pod_that_the_api_does_not_end_is_told_recorded_and_ended_by_the_next_start(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    maria = await hub.login("maria")
    assert await hub.start("maria", PROFILE) == "ready"
    before = hub.kubernetes.pods[POD]["metadata"]["uid"]
    hub.kubernetes.refusals["DELETE pods"] = status(403, "Forbidden", f'pods "{POD}" is forbidden: policy')
    answer = await hub.rest("maria", "DELETE", "users/maria/server")
    assert AUDIT not in answer.text
    await until(lambda: not hub.app.users["maria"].spawner.active, "the stop over")
    assert NOT_ENDED in (await maria.get("courses")).text
    assert AUDIT not in (await maria.get("courses")).text
    (newest, *_) = (await asked(hub))["failures"]
    assert (newest["reason"], newest["stage"], newest["course"]) == ("refused", "stop", "data-analysis")
    assert newest["detail"] == f'403 Forbidden: pods "{POD}" is forbidden: policy'
    assert newest["detail"] in caplog.text

    assert NOT_ENDED in await hub.start("maria", PROFILE), "a second server beside the first"
    hub.kubernetes.refusals.clear()
    assert await hub.start("maria", PROFILE) == "ready"
    assert hub.kubernetes.pods[POD]["metadata"]["uid"] != before
    await hub.stop("maria")
    assert NOT_ENDED not in (await maria.get("courses")).text


async def test_s7_what_the_start_failed_for_is_told_though_its_pod_cannot_be_ended(hub: Hub) -> None:
    await starting(hub)
    hub.kubernetes.refusals["DELETE pods"] = status(500, "InternalError", "etcdserver: leader changed")
    waiting = {"waiting": {"reason": "ErrImageNeverPull", "message": "Container image is not present"}}
    container = {"image": "r:1", "name": "notebook", "ready": False, "state": waiting}
    hub.kubernetes.becomes(POD, phase="Pending", podIP=None, containerStatuses=[container])
    assert "The image of your server is not there" in await hub.outcome("maria")
    reasons = [(failure["reason"], failure["stage"]) for failure in (await asked(hub))["failures"]]
    assert reasons[:2] == [("refused", "stop"), ("image", "start")]
    hub.kubernetes.refusals.clear()
    hub.kubernetes.phase = "Running"
    assert await hub.start("maria", PROFILE) == "ready"


async def test_s7_a_page_that_has_to_look_reads_a_sentence_where_nothing_is_said(hub: Hub) -> None:
    maria = await hub.login("maria")
    assert await hub.start("maria", PROFILE) == "ready"
    state = {"terminated": {"reason": "Completed", "exitCode": 0, "message": ""}}
    container = {"image": "r:1", "name": "notebook", "ready": False, "state": state}
    hub.kubernetes.refusals["DELETE pods"] = status(500, "InternalError", "etcdserver: leader changed")
    hub.kubernetes.becomes(POD, phase="Succeeded", podIP="10.0.0.1", containerStatuses=[container])
    spawner = hub.app.users["maria"].spawner
    await until(lambda: spawner.pod_reflector.pods[f"courses/{POD}"]["status"]["phase"] == "Succeeded", "the end seen")
    page = await maria.get("courses")
    assert page.status_code == 503
    assert NOT_ENDED in page.text
    assert "etcdserver" not in page.text


async def test_s7_the_stream_of_a_start_has_no_object_of_kubernetes(hub: Hub) -> None:
    await starting(hub)
    hub.kubernetes.happens(POD, "Pulling", "Pulling image", "Normal")
    seen: list[dict[str, Any]] = []

    async def listen() -> None:
        async for event in hub.progress("maria"):
            seen.append(event)

    listening = asyncio.create_task(listen())
    await until(lambda: any("Pulling image" in event["message"] for event in seen), "the event")
    hub.kubernetes.run()
    await listening
    assert [event for event in seen if "raw_event" in event or "involvedObject" in json.dumps(event)] == []
