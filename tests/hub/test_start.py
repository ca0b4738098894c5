"""From the start page to a server, and every way round the page."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from jupyterhub.apihandlers.users import UserServerAPIHandler

from tests.hub.conftest import HOST, UID, Form, Hub
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_LISTED = "You are not on the list of 'Data Analysis'. If you take this course, ask its teacher to add you."


def started(hub: Hub) -> list[str]:
    """The pods that were made, by person and course."""
    return [
        f"{pod['metadata']['name']} {pod['metadata']['labels'].get('coursehub/course', '-')} "
        f"{pod['metadata']['labels']['coursehub/role']}"
        for pod in hub.kubernetes.made
    ]


def saved(hub: Hub, name: str) -> object:
    """What the hub keeps of a person's last start."""
    hub.app.db.expire_all()
    return hub.app.users[name].spawner.orm_spawner.user_options


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("maria", ["data-analysis", "python-intro", "statistics-lab", "general"]),
        ("jonas", ["python-intro", "statistics-lab", "general"]),
        (
            "anna",
            [
                *("python-intro--instructor", "python-intro--grading"),
                *("statistics-lab--instructor", "old-course--instructor"),
                *("python-intro", "statistics-lab", "general"),
            ],
        ),
        ("peter", ["data-analysis--instructor", "data-analysis--grading", "python-intro", "statistics-lab", "general"]),
        (
            "sofia",
            [
                *("python-intro--instructor", "python-intro--grading"),
                *("data-analysis--instructor", "data-analysis--grading", "statistics-lab--instructor"),
                *("old-course--instructor", "python-intro", "statistics-lab", "general"),
            ],
        ),
        ("stranger", []),
    ],
)
async def test_a_person_sees_exactly_what_they_may_start(hub: Hub, name: str, choices: list[str]) -> None:
    page = await (await hub.login(name)).page("spawn")
    assert page.choices == choices
    assert page.chosen == choices[:1]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("stranger", "is not known in the university's directory", id="I1 stranger"),
        pytest.param("daemon", "is a system account (uid 99, below 1000)", id="I1 system account"),
    ],
)
async def test_who_cannot_have_a_server_reads_why_on_the_start_page(hub: Hub, name: str, sentence: str) -> None:
    browser = await hub.login(name)
    assert sentence in (await browser.page("spawn")).text
    await browser.choose("general")
    assert sentence in await hub.outcome(name)
    assert sentence in (await browser.page(f"spawn-pending/{name}")).text
    assert not hub.kubernetes.made


async def test_a_student_starts_a_course_by_the_form_and_stops_it(hub: Hub) -> None:
    maria = await hub.login("maria")
    await maria.choose("python-intro")
    assert await hub.outcome("maria") == "ready"
    (pod,) = hub.kubernetes.made
    assert pod["spec"]["securityContext"]["runAsUser"] == UID
    assert pod["spec"]["containers"][0]["workingDir"] == "/home/maria"
    assert hub.app.proxy.routes[f"maria.{HOST}/user/maria/"]["target"].startswith("http://127.0.0.1:")
    await hub.stop("maria")
    assert not hub.kubernetes.pods


async def test_the_last_choice_is_preselected_the_next_time(hub: Hub) -> None:
    maria = await hub.login("maria")
    await maria.choose("data-analysis")
    assert await hub.outcome("maria") == "ready"
    await hub.stop("maria")
    assert (await maria.page("spawn")).chosen == ["data-analysis"]


async def test_p9_an_instructor_stops_and_starts_as_a_student_and_gets_nothing_of_the_first(hub: Hub) -> None:
    anna = await hub.login("anna")
    for profile in ("python-intro--instructor", "statistics-lab"):
        await anna.choose(profile)
        assert await hub.outcome("anna") == "ready"
        await hub.stop("anna")
    first, second = hub.kubernetes.made
    assert "/course" in [mount["mountPath"] for mount in first["spec"]["containers"][0]["volumeMounts"]]
    assert first["spec"]["securityContext"]["runAsGroup"] == 70101
    assert [mount["mountPath"] for mount in second["spec"]["containers"][0]["volumeMounts"]] == [
        "/home/anna",
        "/run/coursehub",
    ]
    assert second["spec"]["securityContext"]["runAsGroup"] == 30001
    assert "70101" not in json.dumps(second)


@pytest.mark.parametrize(
    ("name", "profile", "sentence"),
    [
        pytest.param("jonas", "data-analysis", NOT_LISTED, id="P1 private course"),
        pytest.param("maria", "python-intro--instructor", "You are not an instructor of", id="P2 instructor's"),
        pytest.param("maria", "python-intro--grading", "You are not an instructor of", id="P2 grading's"),
        pytest.param("maria", "old-course", "has been archived since 2026-06-30", id="archived course"),
        pytest.param("maria", "nothing", "There is no course 'nothing' here.", id="no such course"),
        pytest.param("maria", "x--admin", "There is no choice 'x--admin'.", id="no such choice"),
        pytest.param("maria", "<script>alert(1)</script>", "There is no choice", id="Y18 script"),
        pytest.param("homeless", "general", "Your home directory does not exist yet", id="F3 no home"),
        pytest.param("mallory", "general", "Your home directory belongs to uid", id="I5 another's home"),
    ],
)
async def test_a_refusal_makes_no_pod_and_is_a_sentence_on_the_page_and_in_the_stream(
    hub: Hub, name: str, profile: str, sentence: str
) -> None:
    browser = await hub.login(name)
    await browser.choose(profile)
    assert sentence in await hub.outcome(name)
    page = await browser.get(f"spawn-pending/{name}")
    assert sentence.replace("'", "&#39;") in page.text or sentence in page.text
    assert "<script>alert" not in page.text

    assert sentence in await hub.start(name, json.dumps({"profile": profile}).encode())
    assert not hub.kubernetes.made


async def test_p1_p6_ten_refusals_in_each_way_leave_the_hub_up_and_others_start_meanwhile(hub: Hub) -> None:
    jonas, maria = await hub.login("jonas"), await hub.login("maria")
    await maria.choose("data-analysis")
    for _ in range(10):
        await jonas.choose("data-analysis")
        assert NOT_LISTED in await hub.outcome("jonas")
        assert NOT_LISTED in await hub.start("jonas", b'{"profile": "data-analysis"}')
        assert NOT_LISTED in (await jonas.page("spawn?profile=data-analysis")).text
    assert await hub.outcome("maria") == "ready"
    assert started(hub) == ["jupyter-maria data-analysis student"]
    assert hub.app.users["jonas"].spawner.consecutive_failure_limit == 0
    # JupyterHub waits two seconds before it exits.
    await asyncio.sleep(2.2)
    await jonas.choose("python-intro")
    assert await hub.outcome("jonas") == "ready"


async def test_p3_a_link_only_preselects_and_the_persons_own_click_starts(hub: Hub) -> None:
    maria = await hub.login("maria")
    response = await maria.get("spawn?profile=statistics-lab")
    assert Form(response.text).chosen == ["statistics-lab"]
    assert "spawn-error-msg" not in response.text
    assert not hub.kubernetes.made
    assert not hub.app.users["maria"].spawner.active


async def test_p3_a_link_to_a_private_course_says_why_and_starts_nothing(hub: Hub) -> None:
    page = await (await hub.login("jonas")).page("spawn?profile=data-analysis")
    assert NOT_LISTED in page.text
    assert page.chosen == ["python-intro"]
    assert not hub.kubernetes.made


async def test_p3_another_sites_form_starts_nothing(hub: Hub) -> None:
    jonas = await hub.login("jonas")
    response = await jonas._client.post("spawn", data={"profile": "python-intro"})
    assert response.status_code == 403
    assert not hub.kubernetes.made


@pytest.mark.parametrize("body", [b"{}", b'{"other": 1}', b""], ids=["empty", "no profile", "no body"])
async def test_p5_rest_without_a_profile_is_general_use(hub: Hub, body: bytes) -> None:
    hub.app.users.pop("maria", None)
    user = await hub.login("peter")
    hub.app.users[user.name].spawner.orm_spawner.user_options = None
    assert await hub.start("peter", body) == "ready"
    assert started(hub) == ["jupyter-peter - general"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"profile": {}}', id="an object"),
        pytest.param(b'{"profile": ["python-intro"]}', id="a list"),
        pytest.param(b'{"profile": null}', id="null"),
        pytest.param(b'{"profile": 5}', id="a number"),
        pytest.param(b'{"profile": "python-intro\\n"}', id="a newline"),
        pytest.param(b'{"profile": "\\ud800\\u0000"}', id="no text"),
        pytest.param(b'{"profile": 1e999}', id="infinity"),
        pytest.param(json.dumps({"profile": "x" * 5_000_000}).encode(), id="five megabytes"),
        pytest.param(json.dumps({"profile": ["x" * 5_000_000]}).encode(), id="five megabytes in a list"),
        pytest.param(b'{"profile": ' + b"[" * 900 + b"]" * 900 + b"}", id="lists in lists"),
    ],
)
async def test_p4_rest_with_a_strange_profile_is_refused_in_a_sentence(hub: Hub, body: bytes) -> None:
    message = await hub.start("maria", body)
    assert "There is no choice" in message
    assert len(message) < 500
    assert not hub.kubernetes.made
    assert len(json.dumps(saved(hub, "maria"))) < 200


async def test_p4_of_what_rest_was_sent_the_hub_keeps_the_profile_alone(hub: Hub) -> None:
    body = {"profile": "python-intro", "image": "evil/x", "blob": "x" * 900_000}
    assert await hub.start("maria", json.dumps(body).encode()) == "ready"
    assert saved(hub, "maria") == {"profile": "python-intro"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="half an object"),
        pytest.param(b"\xff\xfe\x00", id="bytes that are no text"),
        pytest.param(b"profile=python-intro", id="a form"),
        pytest.param(b"[" * 1_000_000, id="a million brackets"),
        pytest.param(b'{"profile": ' + b"9" * 100_000 + b"}", id="a number of 100,000 digits"),
    ],
)
async def test_p4_rest_with_bytes_that_are_no_json_is_an_error_before_any_start(hub: Hub, body: bytes) -> None:
    await hub.login("maria")
    failures = hub.app.tornado_settings.get("failure_count", 0)
    response = await hub.rest("maria", "POST", "users/maria/server", body)
    assert response.status_code == 400
    assert not hub.app.users["maria"].spawner.active
    assert not hub.kubernetes.made
    assert hub.app.tornado_settings.get("failure_count", 0) == failures
    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"


@pytest.mark.parametrize("body", [b'"x"', b"[1]", b"5", b"true"])
async def test_p4_rest_with_a_body_that_is_no_object_starts_nothing_and_the_person_can_start_afterwards(
    hub: Hub, body: bytes
) -> None:
    """JupyterHub 6 refuses it itself."""
    response = await hub.rest("maria", "POST", "users/maria/server", body)
    assert response.status_code == 400 or "There is no choice" in await hub.outcome("maria")
    assert not hub.kubernetes.made
    await (await hub.login("maria")).choose("python-intro")
    assert await hub.outcome("maria") == "ready"


async def test_p4_an_empty_list_is_no_choice_or_none_at_all(hub: Hub) -> None:
    """JupyterHub 6 takes it for no body."""
    assert "There is no choice" in await hub.start("peter", b"[]") or started(hub) == ["jupyter-peter - general"]


# What JupyterHub has from 6 on.
SAVES = pytest.mark.skipif(
    not hasattr(UserServerAPIHandler, "get_server_json_body"), reason="options are not saved without a start"
)


@SAVES
@pytest.mark.parametrize("key", ["user_options", None])
async def test_p4_options_that_somebody_saves_are_a_choice_and_no_more(hub: Hub, key: str | None) -> None:
    options = {"profile": "data-analysis", "image": "evil/x"}
    await hub.login("jonas")
    response = await hub.rest("jonas", "PATCH", "users/jonas/server", json.dumps({"user_options": options}).encode())
    assert response.status_code == 200
    assert NOT_LISTED in await hub.start("jonas", b"" if key is None else json.dumps({key: options}).encode())
    assert not hub.kubernetes.made
    assert saved(hub, "jonas") == {"profile": "data-analysis"}


@SAVES
@pytest.mark.parametrize("saves", [{}, {"blob": "x" * 900_000}, {"profile": [["x"]]}, {"profile": "x" * 60_000}])
async def test_p4_whatever_somebody_saves_page_and_start_go_on(hub: Hub, saves: dict[str, object]) -> None:
    await hub.login("maria")
    await hub.rest("maria", "PATCH", "users/maria/server", json.dumps({"user_options": saves}).encode())
    assert len(json.dumps(saved(hub, "maria"))) < 65_536
    page = await (await hub.login("maria")).page("courses")
    assert "python-intro" in page.choices
    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"


@SAVES
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "server", {"name": "second"}),
        ("PATCH", "server", {"display_name": "<b>Second</b>"}),
        ("PUT", "servers/second", {}),
        ("POST", "servers/second", {}),
    ],
)
async def test_nobody_has_a_second_server_or_another_name_for_theirs(
    hub: Hub, method: str, path: str, body: dict[str, str]
) -> None:
    await hub.login("maria")
    response = await hub.rest("maria", method, f"users/maria/{path}", json.dumps(body).encode())
    assert response.status_code == 400
    assert set(hub.app.users["maria"].orm_user.orm_spawners) == {""}
    assert not hub.app.users["maria"].spawner.orm_spawner.display_name


async def test_p4_a_hub_starts_again_after_such_a_body(hub: Hub) -> None:
    await hub.start("maria", b'"x"')
    hub.app.users.clear()
    await hub.app.init_spawners()
    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "python-intro", "image": "evil/x"},
        {"profile": "python-intro", "profile-option-python-intro--image": "evil"},
        {"profile": "python-intro", "profile-option-python-intro--image--unlisted-choice": "evil/x"},
        {"profile": "python-intro", "image--unlisted-choice": "evil/x", "": {}},
        {"profile": "python-intro", "uid": 0, "kubespawner_override": {"uid": 0}},
    ],
    ids=["image", "P7 option", "P7 unlisted choice", "P7 name of an option", "Y10 override"],
)
async def test_p7_rest_options_beside_the_profile_change_nothing(hub: Hub, options: dict[str, object]) -> None:
    assert await hub.start("maria", json.dumps(options).encode()) == "ready"
    (pod,) = hub.kubernetes.made
    assert "evil" not in json.dumps(pod)
    assert pod["spec"]["securityContext"]["runAsUser"] == UID
    assert saved(hub, "maria") == {"profile": "python-intro"}


async def test_p8_a_saved_choice_is_decided_anew_at_each_start(hub: Hub) -> None:
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    await hub.stop("maria")
    await hub.write_courses(COURSES.replace("students: [maria]", "students: [nobody]"))
    assert NOT_LISTED in await hub.start("maria")
    page = await (await hub.login("maria")).page("spawn")
    assert page.chosen == ["python-intro"]
    assert started(hub) == ["jupyter-maria data-analysis student"]


async def test_p12_an_admin_who_starts_for_a_student_gives_no_more_than_the_student_has(hub: Hub) -> None:
    await hub.login("jonas")
    sofia = await hub.login("sofia")
    assert (await sofia.page("spawn/jonas")).choices == ["python-intro", "statistics-lab", "general"]
    await sofia.choose("data-analysis--instructor", owner="jonas")
    assert "You are not an instructor of" in await hub.outcome("jonas")
    await sofia.choose("python-intro", owner="jonas")
    assert await hub.outcome("jonas") == "ready"
    assert started(hub) == ["jupyter-jonas python-intro student"]


async def test_p12_a_student_with_jupyterhubs_admin_flag_instructs_nothing(hub: Hub) -> None:
    jonas = await hub.login("jonas")
    user = hub.app.users["jonas"]
    user.admin = True
    hub.app.db.commit()
    try:
        assert (await jonas.page("spawn")).choices == ["python-intro", "statistics-lab", "general"]
        assert "You are not an instructor of" in await hub.start("jonas", b'{"profile": "python-intro--instructor"}')
    finally:
        user.admin = False
        hub.app.db.commit()
    assert not hub.kubernetes.made


async def test_an_admin_instructs_everywhere(hub: Hub) -> None:
    assert await hub.start("sofia", b'{"profile": "data-analysis--instructor"}') == "ready"
    assert started(hub) == ["jupyter-sofia data-analysis instructor"]


async def test_a_student_cannot_start_another_persons_server(hub: Hub) -> None:
    await hub.login("anna")
    jonas = await hub.login("jonas")
    response = await jonas.post("spawn/anna", profile="general")
    assert response.status_code in (403, 404)
    response = await hub.rest("jonas", "POST", "users/anna/server", b"{}")
    assert response.status_code in (403, 404)
    assert not hub.kubernetes.made


def comparable(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod without what is another one for each start."""
    (container,) = pod["spec"]["containers"]
    env = [entry for entry in container["env"] if not entry["name"].endswith("_API_TOKEN")]
    metadata = {key: value for key, value in pod["metadata"].items() if key != "uid"}
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": [{**container, "env": env}]}}


async def fresh(hub: Hub, name: str, profile: str) -> dict[str, Any]:
    """The pod of somebody who has started nothing before."""
    assert await hub.start(name, json.dumps({"profile": profile}).encode()) == "ready"
    await hub.stop(name)
    hub.app.users[name].spawners.pop("", None)
    return comparable(hub.kubernetes.made.pop())


async def test_p13_two_starts_at_once_make_one_pod_and_mix_nothing(hub: Hub) -> None:
    profiles = ("python-intro--instructor", "statistics-lab")
    wanted = [await fresh(hub, "anna", profile) for profile in profiles]
    anna = await hub.login("anna")
    for attempt in range(4):
        ways = [
            hub.rest("anna", "POST", "users/anna/server", json.dumps({"profile": profiles[attempt % 2]}).encode()),
            hub.rest("anna", "POST", "users/anna/server", json.dumps({"profile": profiles[1 - attempt % 2]}).encode()),
            anna.post("courses", profile=profiles[attempt % 2]),
            anna.post("spawn", profile=profiles[1 - attempt % 2]),
        ]
        answers = await asyncio.gather(*ways)
        assert {answer.status_code for answer in answers} <= {200, 201, 202, 302, 303, 400}
        assert await hub.outcome("anna") == "ready"
        assert len(hub.kubernetes.made) == 1
        assert comparable(hub.kubernetes.made.pop()) in wanted
        await hub.stop("anna")


async def test_p10_a_start_after_one_that_failed_is_like_the_first(hub: Hub) -> None:
    wanted = await fresh(hub, "maria", "data-analysis")
    for body in (b'{"profile": "python-intro--instructor"}', b'{"profile": "nothing"}'):
        assert await hub.start("maria", body) != "ready"
    hub.kubernetes.refusals["POST pods"] = (403, '{"message": "exceeded quota"}')
    assert await hub.start("maria", b'{"profile": "data-analysis"}') != "ready"
    hub.kubernetes.refusals.clear()
    hub.kubernetes.made.clear()
    assert await hub.start("maria", b'{"profile": "data-analysis"}') == "ready"
    assert comparable(hub.kubernetes.made[0]) == wanted


async def test_p11_who_leaves_a_course_while_their_server_runs_keeps_it_and_cannot_start_it_again(hub: Hub) -> None:
    maria = await hub.login("maria")
    await maria.choose("data-analysis")
    assert await hub.outcome("maria") == "ready"
    await hub.write_courses(COURSES.replace("students: [maria]", "students: [nobody]"))
    assert hub.app.users["maria"].spawner.ready
    assert list(hub.kubernetes.pods) == ["jupyter-maria"]
    await hub.stop("maria")
    await maria.choose("data-analysis")
    assert NOT_LISTED in await hub.outcome("maria")
    assert NOT_LISTED in await hub.start("maria")
    assert len(hub.kubernetes.made) == 1


async def test_one_server_a_person(hub: Hub) -> None:
    response = await hub.rest("maria", "POST", "users/maria/servers/second", b"{}")
    assert response.status_code == 400
    assert "Named servers are not enabled" in response.text


async def test_i3_no_two_people_share_a_pods_name(hub: Hub) -> None:
    names = ["a-b", "a.b", "a_b", "a--b", "ab", "a-b-", "jupyter-a", "x" * 63, "x" * 62 + "y"]
    pods = {}
    for name in names:
        await hub.login(name)
        pods[hub.app.users[name].spawner.pod_name] = name
    assert len(pods) == len(names)
    assert all(len(pod) <= 63 for pod in pods)


async def test_a_pod_that_the_sites_hook_bent_is_not_made_and_the_person_reads_whom_to_tell(hub: Hub) -> None:
    assert "Please tell the administrators" in await hub.start("bent", b'{"profile": "python-intro"}')
    browser = await hub.login("bent")
    await browser.choose("python-intro")
    assert "Please tell the administrators" in await hub.outcome("bent")
    assert not hub.kubernetes.made


async def test_a_pod_that_group_overrides_bent_is_not_made_and_the_person_reads_whom_to_tell(hub: Hub) -> None:
    await hub.login("peter")
    hub.app.users["peter"].sync_groups(["bent"])
    try:
        assert "Please tell the administrators" in await hub.start("peter", b'{"profile": "python-intro"}')
        assert not hub.kubernetes.made
    finally:
        hub.app.users["peter"].sync_groups([])
        hub.app.users["peter"].spawners.pop("", None)


async def test_a_pod_that_fails_at_once_is_told_and_taken_away(hub: Hub) -> None:
    hub.kubernetes.phase = "Failed"
    hub.app.config.KubeSpawner.start_timeout = 2
    hub.app.users["maria"].spawners.pop("", None)
    try:
        assert await hub.start("maria", b'{"profile": "python-intro"}') != "ready"
    finally:
        del hub.app.config.KubeSpawner["start_timeout"]
        hub.app.users["maria"].spawners.pop("", None)
    assert not hub.kubernetes.pods


async def test_a_course_added_to_the_file_appears_without_a_restart(hub: Hub) -> None:
    maria = await hub.login("maria")
    await hub.write_courses(COURSES + "  new-course: {name: New Course, students: everyone}\n")
    assert "new-course" in (await maria.page("spawn")).choices
    await maria.choose("new-course")
    assert await hub.outcome("maria") == "ready"


ODD = "{x} {unescaped_username.__class__} {0} lone { %s %(x)s 100% $(HOME)"


async def test_y19_a_courses_name_is_the_same_in_a_refusal_on_the_page_in_the_stream_and_in_the_log(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    name = json.dumps(ODD)
    await hub.write_courses(f"courses:\n  a: {{name: {name}}}\n  b: {{name: {name}, students: everyone}}\n")
    maria = await hub.login("maria")
    assert f"You are not on the list of '{ODD}'" in await hub.start("maria", b'{"profile": "a"}')
    assert f"You are not on the list of '{ODD}'" in (await maria.page("spawn-pending/maria")).text
    assert f"You are not on the list of '{ODD}'" in (await maria.page("courses/a")).text
    assert f": You are not on the list of '{ODD}'" in caplog.text
    await maria.choose("b")
    assert await hub.outcome("maria") == "ready"
    assert ODD in (await maria.page("courses")).text
    assert hub.kubernetes.made[0]["metadata"]["labels"]["coursehub/course"] == "b"


async def test_y18_a_courses_name_is_text_on_the_page(hub: Hub) -> None:
    await hub.write_courses(
        "courses:\n  a:\n    students: everyone\n"
        "    name: '<script>alert(1)</script>\"><img src=x onerror=y> {{7*7}} {% raw %}'\n"
    )
    response: httpx.Response = await (await hub.login("maria")).get("spawn")
    assert "<script>alert(1)" not in response.text
    assert "<img src=x" not in response.text
    assert "{{7*7}} {% raw %}" in response.text
