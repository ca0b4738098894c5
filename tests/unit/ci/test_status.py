"""A pod's state in a word."""

import pytest

from ci.cluster import status


@pytest.mark.parametrize(
    ("status_of_pod", "state"),
    [
        pytest.param({"phase": "Succeeded"}, "ended", id="ended"),
        pytest.param({"phase": "Pending"}, "starting", id="new"),
        pytest.param({"phase": "Running", "since": 0, "ready": "True"}, "ready", id="ready"),
        pytest.param({"phase": "Running", "since": 900, "ready": "False"}, "starting", id="ready a moment ago"),
        pytest.param({"phase": "Running", "since": 0, "ready": "False"}, "not ready (Running)", id="stuck"),
        pytest.param(
            {"phase": "Running", "since": 0, "ready": "False", "waits": "CrashLoopBackOff"},
            "not ready (CrashLoopBackOff)",
            id="crashes",
        ),
    ],
)
def test_a_pods_state_in_a_word(status_of_pod: dict[str, object], state: str) -> None:
    def stamp(seconds: object) -> str:
        return f"2026-01-01T00:{int(str(seconds)) // 60:02}:00Z"

    pod: dict[str, object] = {"phase": status_of_pod["phase"]}
    if "ready" in status_of_pod:
        since = stamp(status_of_pod["since"])
        pod["conditions"] = [{"type": "Ready", "status": status_of_pod["ready"], "lastTransitionTime": since}]
    if "waits" in status_of_pod:
        pod["containerStatuses"] = [{"state": {"waiting": {"reason": status_of_pod["waits"]}}}]
    now = 1767225600.0 + 960  # sixteen minutes past midnight
    assert status.pod_state({"metadata": {"creationTimestamp": stamp(900)}, "status": pod}, now) == state
