"""A person's choice becomes the pod of the contract, or a sentence that says why not."""

import asyncio
import contextlib
import copy
import random
import re
from typing import Any

import pytest
from coursehub.hub.hooks import Forbidden, Hooks
from coursehub.names import PERSON
from coursehub.person import Person
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jupyterhub.utils import subdomain_hook_idna
from kubespawner.slugs import safe_slug

from tests.support import ANNA, JONAS, MARIA, catalog
from tests.unit.conftest import Spawner, hooks, start
from tests.unit.pods import EVERYTHING, Cell, each_cell, golden
from tests.unit.watched import Seen, of_jonas_among


def comparable(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod with its environment by name, without what JupyterHub itself adds for talking to the hub."""
    pod = copy.deepcopy(pod)
    container = pod["spec"]["containers"][0]
    planned = {"ACTIVITY_INTERVAL", "DEFAULT_URL", "DISABLE_USER_CONFIG", "ROOT_DIR"}
    container["env"] = {
        entry["name"]: entry["value"]
        for entry in container["env"]
        if not entry["name"].startswith(("JUPYTERHUB_", "JPY_")) or entry["name"].removeprefix("JUPYTERHUB_") in planned
    }
    return pod


@each_cell
async def test_each_cell_of_the_contract_is_exactly_this_pod(spawner: Spawner, cell: Cell) -> None:
    pod = await start(hooks(catalog(cell.courses)), spawner(cell.person, cell.profile))
    assert comparable(pod) == golden(cell)


async def test_p9_nothing_of_a_course_stays_for_the_next_server_of_the_same_person(spawner: Spawner) -> None:
    ours, used = hooks(catalog(EVERYTHING)), spawner(ANNA, "rich--instructor")
    await start(ours, used)
    used.user_options = {"profile": "general"}
    assert comparable(await start(ours, used)) == comparable(await start(hooks(), spawner(ANNA, "general")))


@each_cell
async def test_no_mount_point_lies_inside_a_home_or_a_course_mount(spawner: Spawner, cell: Cell) -> None:
    paths = [each.split()[0] for each in cell.mounts]
    assert not [(a, b) for a in paths for b in paths if a != b and f"{b}/".startswith(f"{a}/")]


async def test_p9_an_instructor_who_stops_and_starts_as_a_student_gets_a_fresh_students_pod(spawner: Spawner) -> None:
    ours, used = hooks(), spawner(ANNA, "python-intro--instructor")
    await start(ours, used)
    used.user_options = {"profile": "data-analysis"}
    with pytest.raises(Forbidden):
        await start(ours, used)
    used.user_options = {"profile": "statistics-lab"}
    again = await start(ours, used)
    assert comparable(again) == comparable(await start(hooks(), spawner(ANNA, "statistics-lab")))


async def test_p10_setting_the_plan_twice_is_setting_it_once(spawner: Spawner) -> None:
    ours, used = hooks(), spawner(MARIA, "data-analysis")
    once = await start(ours, used)
    assert comparable(await start(ours, used)) == comparable(once)


async def test_each_plan_opens_the_gate_once(spawner: Spawner) -> None:
    ours, used = hooks(), spawner(MARIA, "python-intro")
    await start(ours, used)
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await ours.modify_pod(used, await used.get_pod_manifest())


async def test_a_refused_start_leaves_no_plan_of_an_earlier_one(spawner: Spawner) -> None:
    ours, used = hooks(), spawner(MARIA, "python-intro")
    await ours.pre_spawn(used)
    used.user_options = {"profile": "python-intro--instructor"}
    with pytest.raises(Forbidden, match="You are not an instructor"):
        await ours.pre_spawn(used)
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await ours.modify_pod(used, await used.get_pod_manifest())


@pytest.mark.parametrize(
    ("person", "profile", "sentence"),
    [
        pytest.param(JONAS, "data-analysis", "You are not on the list of 'Data Analysis'", id="P1 private course"),
        pytest.param(MARIA, "python-intro--instructor", "You are not an instructor of", id="P2 instructor's profile"),
        pytest.param(MARIA, "old-course", "has been archived since 2026-06-30", id="archived course"),
        pytest.param(MARIA, "no-such-course", "There is no course 'no-such-course' here", id="no such course"),
        pytest.param(MARIA, "python-intro--grading", "You are not an instructor of", id="P2 grading's profile"),
        pytest.param(MARIA, "python-intro--admin", "There is no choice", id="unknown role"),
        pytest.param("stranger", "general", "is not known in the university's directory", id="I1 unknown person"),
        pytest.param("daemon", "general", "is a system account (uid 999, below 20000)", id="I1 uid below the minimum"),
        pytest.param("root", "general", "is not known in the university's directory", id="I1 root"),
        pytest.param("../anna", "general", "cannot have a server here", id="I2 path"),
        pytest.param("a{0}", "general", "cannot have a server here", id="I2 template"),
    ],
)
async def test_a_refusal_is_a_sentence_for_the_person_and_sets_nothing(
    spawner: Spawner, person: Person | str, profile: str, sentence: str
) -> None:
    used = spawner(person, profile)
    before = (used.uid, used.volumes, used.image, used.pod_security_context)
    with pytest.raises(Forbidden) as refusal:
        await hooks().pre_spawn(used)
    assert refusal.value.status_code == 403
    assert sentence in refusal.value.jupyterhub_message
    assert (used.uid, used.volumes, used.image, used.pod_security_context) == before


def test_p5_a_form_without_a_choice_is_general_use() -> None:
    assert hooks().options_from_form({}) == {"profile": "general"}
    assert hooks().options_from_form({"profile": ["x"], "image": ["evil"]}) == {"profile": "x"}


async def test_the_sites_own_pre_spawn_hook_still_runs_before_ours(spawner: Spawner) -> None:
    def site_hook(used: Any) -> None:
        used.image_pull_policy = "Always"

    pod = await start(hooks(pre_spawn_hook=site_hook), spawner(MARIA, "python-intro"))
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "Always"


async def test_the_sites_own_hooks_may_be_asynchronous(spawner: Spawner) -> None:
    called = []

    async def site_hook(*arguments: Any) -> Any:
        called.append(len(arguments))
        return arguments[-1]

    await start(hooks(pre_spawn_hook=site_hook, modify_pod_hook=site_hook), spawner(MARIA, "python-intro"))
    assert called == [1, 2]


async def test_a_start_looks_at_no_course_but_the_chosen_one(spawner: Spawner) -> None:
    await start(hooks(of_jonas_among(1000)), spawner(JONAS, "takes"))
    assert Seen.looked_at == {"takes"}


people = st.from_regex(PERSON, fullmatch=True)


@given(people, people)
@example("a-b", "a.b")
@example("a", "a--")
@example("20001", "x-20001")
@example("_a", "a_")
@example("x" * 63, "x" * 62 + "y")
def test_i3_no_two_people_share_a_pods_name(one: str, other: str) -> None:
    names = {f"jupyter-{safe_slug(name, max_length=48)}" for name in (one, other)}
    assert len(names) == len({one, other})
    assert all(len(name) <= 63 for name in names)


@given(people, people)
@example("a.b", "a_b")
@example("20001", "u-20001")
def test_w9_no_two_people_share_an_origin(one: str, other: str) -> None:
    hosts = {subdomain_hook_idna(name, "hub.example.edu", "user").lower() for name in (one, other)}
    assert len(hosts) == len({one, other})
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.hub\.example\.edu", host) for host in hosts)


def test_i3_of_a_hundred_thousand_people_with_names_alike_no_two_share_a_pods_name() -> None:
    draw = random.Random(0)  # noqa: S311 - the same people each time
    people = {"a" + "".join(draw.choices("ab1.-_", k=draw.randint(0, 24))) for _ in range(150_000)}
    people |= {name + "x" * draw.randint(40, 62) for name in list(people)[:1000]}
    assert len(people) > 100_000
    pods = {f"jupyter-{safe_slug(name, max_length=48)}" for name in people}
    assert len(pods) == len(people)
    assert max(map(len, pods)) <= 63


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(profiles=st.lists(st.sampled_from(["rich--instructor", "rich", "general", "nothing", "rich--x"]), max_size=4))
def test_p9_p10_whatever_somebody_started_before_the_next_pod_is_a_fresh_one(
    spawner: Spawner, profiles: list[str]
) -> None:
    async def last_of(ours: Hooks, used: Any, asked: list[str]) -> dict[str, Any]:
        for profile in asked:
            used.user_options = {"profile": profile}
            with contextlib.suppress(Forbidden):
                await start(ours, used)
        used.user_options = {"profile": "rich"}
        return comparable(await start(ours, used))

    live = catalog(EVERYTHING)
    reused = asyncio.run(last_of(hooks(live), spawner(ANNA, "rich"), profiles))
    assert reused == asyncio.run(last_of(hooks(live), spawner(ANNA, "rich"), []))
