"""What the hooks count: starts and refusals by course, steps by how they end, requests to the provisioner."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from coursehub.errors import GateClosed, Reason, Refused
from coursehub.hub.hooks import Forbidden
from coursehub.hub.metrics.spawns import Counters, Outcome, Step
from prometheus_client import CollectorRegistry, generate_latest

from tests.support import PETER
from tests.unit.conftest import Spawner, hooks, start


def numbers(counters: Counters) -> dict[str, float]:
    """What a scrape finds, without zeros and what is no count."""
    registry = CollectorRegistry()
    registry.register(counters)
    lines = [line.rpartition(" ") for line in generate_latest(registry).decode().splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in lines if float(value) and ("_count{" in name or "_total{" in name)}


def step(name: str, outcome: str) -> str:
    return f'coursehub_hook_seconds_count{{outcome="{outcome}",step="{name}"}}'


def refusal(course: str, reason: str) -> str:
    return f'coursehub_refusals_total{{course="{course}",reason="{reason}"}}'


async def counted(spawner: Spawner, *arguments: Any, earlier: Any = None) -> dict[str, float]:
    counters = Counters()
    ours = hooks(counters=counters, modify_pod_hook=earlier) if earlier else hooks(counters=counters)
    with suppress(Forbidden):
        await start(ours, spawner(*arguments))
    return numbers(counters)


async def test_a_start_counts_for_its_course_and_role_with_each_of_its_steps(spawner: Spawner) -> None:
    passed = {step(name, "passed"): 1.0 for name in ("identity", "plan", "directories", "queue", "gate")}
    spawned = 'coursehub_spawns_total{course="data-analysis",role="instructor"}'
    assert await counted(spawner, PETER, "data-analysis--instructor") == {spawned: 1, **passed}
    assert (await counted(spawner, PETER, "general"))['coursehub_spawns_total{course="general",role="general"}'] == 1


@pytest.mark.parametrize(
    ("person", "profile", "label", "reason", "ended"),
    [
        ("jonas", "data-analysis", "data-analysis", "not-listed", "plan"),
        ("maria", "old-course", "old-course", "not-open", "plan"),
        ("maria", "python-intro--instructor", "python-intro", "not-listed", "plan"),
        ("maria", "made-up", "", "choice", "plan"),
        ("maria", "a--b--c", "", "choice", "plan"),
        ("viktor", "python-intro", "python-intro", "account", "identity"),
        ("daemon", "general", "general", "account", "identity"),
    ],
)
async def test_a_refusal_counts_with_its_reason_and_nobody_makes_a_label_by_asking(
    spawner: Spawner, person: str, profile: str, label: str, reason: str, ended: str
) -> None:
    found = await counted(spawner, person, profile)
    assert found[refusal(label, reason)] == 1
    assert found[step(ended, "refused")] == 1
    assert not [name for name in found if "spawns" in name]


async def test_a_gate_that_closes_is_trouble(spawner: Spawner) -> None:
    def bend(spawner: Any, pod: Any) -> Any:
        pod.spec.host_network = True
        return pod

    found = await counted(spawner, PETER, "general", earlier=bend)
    assert (found[refusal("general", "gate")], found[step("gate", "failed")]) == (1, 1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Refused("No.", Reason.NOT_OPEN), Outcome.REFUSED),
        (Refused("Away.", Reason.DIRECTORY_AWAY), Outcome.FAILED),
        (Refused("Away.", Reason.FILE_SERVER), Outcome.FAILED),
        (Refused("Away.", Reason.PROVISIONER), Outcome.FAILED),
        (GateClosed("bent"), Outcome.FAILED),
        (RuntimeError("a mistake of ours"), Outcome.FAILED),
    ],
)
def test_an_answer_to_the_person_is_told_from_trouble(error: Exception, outcome: Outcome) -> None:
    counters = Counters()
    with pytest.raises(type(error)), counters.step(Step.PLAN):
        raise error
    assert numbers(counters) == {step("plan", outcome): 1}


def test_what_was_given_up_half_way_is_not_counted() -> None:
    counters = Counters()
    with pytest.raises(asyncio.CancelledError), counters.step(Step.PLAN):
        raise asyncio.CancelledError
    assert numbers(counters) == {}


def test_a_step_has_its_time() -> None:
    clock = iter([10.0, 10.75])
    counters = Counters(lambda: next(clock))
    with counters.step(Step.DIRECTORIES):
        pass
    registry = CollectorRegistry()
    registry.register(counters)
    labels = {"step": "directories", "outcome": "passed"}
    assert registry.get_sample_value("coursehub_hook_seconds_sum", labels) == 0.75


def test_what_alerts_look_at_is_there_before_it_happens() -> None:
    """A number that begins with its first event has no increase that would show it."""
    registry = CollectorRegistry()
    registry.register(Counters())
    for name in Step:
        for outcome in Outcome:
            labels = {"step": str(name), "outcome": str(outcome)}
            assert registry.get_sample_value("coursehub_hook_seconds_count", labels) == 0
    for verb in ("home", "course"):
        asked = {"verb": verb, "outcome": "failed"}
        assert registry.get_sample_value("coursehub_provisioner_requests_total", asked) == 0
