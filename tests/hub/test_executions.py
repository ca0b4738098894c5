"""Who has submissions executed, how many at once, and what becomes of the pods: F17 at a real hub."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from coursehub.servers import execution

from tests.hub.conftest import SITE, USERS, Hub, until
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")

RUNS: dict[str, Any] = {"running": {"startedAt": "2026-10-01T10:00:00Z"}}
WELL = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def pods(hub: Hub) -> dict[str, dict[str, Any]]:
    """What executes submissions, by name."""
    found = hub.kubernetes.pods.items()
    return {name: pod for name, pod in found if pod["metadata"]["labels"].get(execution.ROLE) == execution.EXECUTION}


def become(hub: Hub, folder: str, phase: str, *states: dict[str, Any], slug: str = "python-intro", **more: Any) -> None:
    """The steps of the run's pod are in these states."""
    found = [{"name": name, "state": state} for name, state in zip(execution.Step, states, strict=False)]
    steps = {"initContainerStatuses": found[:2], "containerStatuses": found[2:]}
    hub.kubernetes.becomes(execution.name(slug, folder), phase=phase, **steps, **more)


async def token(hub: Hub, name: str, profile: str) -> str:
    """The token of `name`'s server, as it is in the pod's environment."""
    assert await hub.start(name, json.dumps({"profile": profile}).encode()) == "ready"
    (container,) = hub.kubernetes.made[-1]["spec"]["containers"]
    return next(str(each["value"]) for each in container["env"] if each["name"] == "JUPYTERHUB_API_TOKEN")


async def ask(hub: Hub, method: str, token: str | None, folder: str) -> httpx.Response:
    """What a server that has the token is answered."""
    headers = {"Authorization": f"token {token}"} if token else {}
    async with hub._client() as client:
        return await client.request(method, f"coursehub/executions/{folder}", headers=headers)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def clean(hub: Hub) -> AsyncIterator[None]:
    """No execution outlasts its test."""
    yield
    hub.kubernetes.refusals.clear()
    for name in pods(hub):
        del hub.kubernetes.pods[name]


@pytest_asyncio.fixture(loop_scope="session")
async def anna(hub: Hub, clean: None) -> str:
    """The token of anna's grading server."""
    return await token(hub, "anna", "python-intro--grading")


@pytest.mark.parametrize("role", ["instructor", "grading"])
async def test_an_instructors_server_has_a_submission_executed_and_sees_how_it_goes(hub: Hub, role: str) -> None:
    own, folder = await token(hub, "anna", f"python-intro--{role}"), secrets.token_hex(16)
    hub.kubernetes.phase = "Pending"
    begun = await ask(hub, "PUT", own, folder)
    assert (begun.status_code, begun.json()["state"]) == (201, "waiting"), begun.text
    ((name, pod),) = pods(hub).items()
    (server,) = (each for each in hub.kubernetes.pods if each != name)
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["name"], owner["uid"]) == (server, hub.kubernetes.pods[server]["metadata"]["uid"])
    assert pod["spec"]["securityContext"]["runAsUser"] == 65533
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    (near,) = pod["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["preference"]["matchExpressions"] == USERS
    probes = {each["name"]: each["value"] for each in pod["spec"]["initContainers"][1]["env"]}["COURSEHUB_PROBES"]
    assert probes == "127.0.0.1:8000"

    become(hub, folder, "Pending", WELL, RUNS)
    again = await ask(hub, "PUT", own, folder)
    assert (again.status_code, again.json()) == (200, {"state": "running", "sentence": "", "again": False})
    become(hub, folder, "Succeeded", WELL, WELL, WELL)
    assert (await ask(hub, "GET", own, folder)).json() == {"state": "done", "sentence": "", "again": False}
    assert [(await ask(hub, "DELETE", own, folder)).status_code for _ in range(2)] == [204, 204]
    gone = await ask(hub, "GET", own, folder)
    assert (gone.status_code, gone.json()["message"].split(":")[0]) == (404, "Nothing executes this run")
    assert not pods(hub)


async def test_why_an_execution_failed_is_a_sentence(hub: Hub, anna: str) -> None:
    folder = secrets.token_hex(16)
    await ask(hub, "PUT", anna, folder)
    become(hub, folder, "Failed", WELL, {"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    sentence = "The execution used more memory than grading has in this course, and was ended."
    assert (await ask(hub, "GET", anna, folder)).json() == {"state": "failed", "sentence": sentence, "again": False}


async def test_two_that_ask_for_one_run_in_the_same_moment_get_one_pod(hub: Hub, anna: str) -> None:
    folder = secrets.token_hex(16)
    answers = await asyncio.gather(*(ask(hub, "PUT", anna, folder) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 201]
    assert len(pods(hub)) == 1


async def test_n9_no_more_run_at_once_than_the_site_says_and_the_next_waits(hub: Hub, anna: str) -> None:
    folders = [secrets.token_hex(16) for _ in range(6)]
    answers = await asyncio.gather(*(ask(hub, "PUT", anna, folder) for folder in folders))
    assert sorted(each.status_code for each in answers) == [201] * 4 + [429] * 2
    late = [folder for folder, answer in zip(folders, answers, strict=True) if answer.status_code == 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "5"
    assert refused.json()["message"] == "4 submissions are being executed, and 4 may be at once."
    early = next(folder for folder in folders if folder not in late)
    become(hub, early, "Succeeded", WELL, WELL, WELL)
    assert (await ask(hub, "PUT", anna, late[0])).status_code == 201, "what has ended makes room"
    assert (await ask(hub, "PUT", anna, early)).status_code == 200, "what is there needs none"
    assert (await ask(hub, "PUT", anna, late[1])).status_code == 429


@pytest.mark.parametrize(
    ("name", "profile"),
    [("maria", "python-intro"), ("anna", "python-intro"), ("anna", "general"), ("anna", "statistics-lab--instructor")],
    ids=["F17 a student's", "an instructor's as a student", "general use", "a course without folders"],
)
async def test_f17_no_other_server_has_anything_executed(hub: Hub, name: str, profile: str) -> None:
    own = await token(hub, name, profile)
    for method in ("PUT", "GET", "DELETE"):
        answer = await ask(hub, method, own, secrets.token_hex(16))
        assert answer.status_code == 403, method
        assert "executed" in answer.json()["message"] or "nothing to grade" in answer.json()["message"]
    assert not pods(hub)


@pytest.mark.parametrize("given", [None, "nonsense"])
async def test_f17_who_has_no_servers_token_is_nobody(hub: Hub, anna: str, given: str | None) -> None:
    narrow = hub.app.users["anna"].new_api_token(scopes=["read:users:name!user"])
    for each in (given, narrow):
        assert (await ask(hub, "PUT", each, secrets.token_hex(16))).status_code == 403
    browser = await hub.login("anna")
    assert (await browser.get(f"coursehub/executions/{secrets.token_hex(16)}")).status_code == 403, "a cookie"
    assert not pods(hub)


async def test_f17_a_run_of_another_course_is_none(hub: Hub, anna: str) -> None:
    folder = secrets.token_hex(16)
    assert (await ask(hub, "PUT", anna, folder)).status_code == 201
    peter = await token(hub, "peter", "data-analysis--instructor")
    assert (await ask(hub, "GET", peter, folder)).status_code == 404
    assert (await ask(hub, "DELETE", peter, folder)).status_code == 204
    assert (await ask(hub, "GET", anna, folder)).status_code == 200, "another course's instructor ended it"
    assert (await ask(hub, "PUT", peter, folder)).status_code == 201
    mounted = {pod["spec"]["containers"][0]["volumeMounts"][0]["subPath"] for pod in pods(hub).values()}
    assert mounted == {"course/python-intro/runs", "course/data-analysis/runs"}


async def test_f17_who_teaches_no_more_has_nothing_executed_by_a_server_from_before(hub: Hub, anna: str) -> None:
    folder = secrets.token_hex(16)
    assert (await ask(hub, "PUT", anna, folder)).status_code == 201
    await hub.write_courses(COURSES.replace("instructors: [anna]", "instructors: [bent]", 1))
    for method in ("PUT", "GET", "DELETE"):
        answer = await ask(hub, method, anna, folder)
        assert answer.status_code == 403, method
        assert answer.json()["message"].startswith("You are not an instructor of 'Introduction to Programming'.")
    assert len(pods(hub)) == 1


async def test_of_an_archived_course_nothing_is_executed(hub: Hub) -> None:
    own = await token(hub, "anna", "old-course--instructor")
    answer = await ask(hub, "PUT", own, secrets.token_hex(16))
    assert answer.status_code == 403
    assert "is archived, so nothing of it is graded" in answer.json()["message"]


@pytest.mark.parametrize(
    "folder",
    [
        "",
        "..%2f..",
        "%2e%2e",
        "a/b",
        "a%2fb",
        "a" * 31,
        "a" * 33,
        "a" * 5000,
        "A" * 32,
        "%00" * 32,
        "g" * 32,
        "a" * 32 + "%0a",
    ],
    ids=lambda folder: folder[:40],
)
async def test_f17_what_is_no_run_is_refused_in_a_sentence(hub: Hub, anna: str, folder: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = await ask(hub, method, anna, folder)
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"] == "A run's folder is called by 32 characters of 0-9 and a-f."
    assert not pods(hub)


@pytest.mark.parametrize(
    ("refusal", "status", "after", "sentence"),
    [
        pytest.param((500, "{}"), 503, "10", "The cluster does not answer as it should.", id="it fails"),
        pytest.param(
            (403, '{"message": "pods is forbidden: exceeded quota: students"}'),
            *(429, "30", "The cluster has no room for one more now."),
            id="no room",
        ),
        pytest.param((403, '{"message": "forbidden"}'), 503, "10", "The cluster does not answer", id="not allowed"),
    ],
)
async def test_s7_what_kubernetes_refuses_is_a_sentence_and_when_to_ask_again(
    hub: Hub, anna: str, refusal: tuple[int, str], status: int, after: str, sentence: str
) -> None:
    hub.kubernetes.refusals["POST pods"] = refusal
    answer = await ask(hub, "PUT", anna, secrets.token_hex(16))
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, after)
    assert answer.json()["message"].startswith(sentence)
    assert "forbidden" not in answer.text


async def test_nothing_is_executed_where_nobody_says_what_the_network_must_not_open(hub: Hub, anna: str) -> None:
    async with hub.values(SITE.replace("probe: {host: 127.0.0.1, port: 8000}\n", "")):
        answer = await ask(hub, "PUT", anna, secrets.token_hex(16))
    assert answer.status_code == 403
    assert "the hub's log says what it was" in answer.json()["message"]
    assert not pods(hub)


async def test_an_execution_that_nobody_asks_about_goes_also_one_of_a_hub_before(
    hub: Hub, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, other = secrets.token_hex(16), secrets.token_hex(16)
    for folder in (asked, other):
        assert (await ask(hub, "PUT", anna, folder)).status_code == 201
    before = pods(hub)[execution.name("python-intro", other)]
    left = before | {"metadata": before["metadata"] | {"name": "coursehub-run-of-a-hub-before"}}
    hub.kubernetes.pods["coursehub-run-of-a-hub-before"] = left
    monkeypatch.setattr("coursehub.hub.executions.FORGOTTEN", 3.0)

    async def only_the_first_is_left() -> bool:
        assert (await ask(hub, "GET", anna, asked)).status_code == 200
        return pods(hub).keys() == {execution.name("python-intro", asked)}

    await until(only_the_first_is_left, "what nobody asks about to go")


async def test_nobody_takes_an_execution_for_a_server(hub: Hub, anna: str) -> None:
    """KubeSpawner watches by the label `component`, and counts, failures, metrics and pages go by what it sees."""
    assert (await ask(hub, "PUT", anna, secrets.token_hex(16))).status_code == 201
    (name,) = pods(hub)
    assert "component" not in pods(hub)[name]["metadata"]["labels"]
    spawner = hub.app.users["anna"].spawner
    seen = {pod["metadata"]["name"] for pod in spawner.pod_reflector.pods.values()}
    assert (spawner.pod_name in seen, name in seen) == (True, False)
    await hub.login("sofia")
    admin = hub.app.users["sofia"].new_api_token()
    async with hub._client() as client:
        metrics = (await client.get("metrics", headers={"Authorization": f"token {admin}"})).text
    assert spawner.pod_name in metrics
    assert name not in metrics
