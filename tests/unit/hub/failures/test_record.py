"""The record of a failed server is read by admins: what Kubernetes said, and where that is not enough what to do."""

from datetime import UTC, datetime

from coursehub.hub.failures import diagnosis, record

from tests.unit.hub.failures.cases import CASES


def text(case: str) -> list[str]:
    """Of a pod that failed as it started."""
    pod, events, *_ = CASES[case]
    why = diagnosis.find(pod, events)
    assert why is not None
    failure = record.of("maria", datetime(2026, 10, 1, 8, 3, tzinfo=UTC), "start", why, pod, events)
    return list(record.text(vars(failure)))


def test_of_a_node_that_cannot_run_servers_admins_read_why_and_what_to_do_and_the_person_that_they_have_to() -> None:
    lines = text("a node whose container runtime is too old")
    assert lines[0].endswith("failed as it started: unfit")
    assert "Please tell the administrators, who have to change that" in lines[1]
    assert "Please start it again" not in lines[1]
    assert lines[2].startswith(
        "  Kubernetes: SupplementalGroupsPolicyNotSupported: SupplementalGroupsPolicy=Strict is not"
    )
    assert lines[3].startswith("  -> see to that node")
    assert "`coursehub preflight`" in lines[3]


def test_what_passes_asks_for_nothing() -> None:
    assert not [line for line in text("a node that shuts down") if line.startswith("  ->")]
