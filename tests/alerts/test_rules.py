"""Each alert fires, alone, when what it is about happens, and none when all is well: promtool on the chart's file."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .rules import ALERTS, RULES

# Samples of each series a minute apart, as promtool writes them, and when it is looked at.
MINUTES = 300
DAY = 86400
HUB = 'job="coursehub-hub", namespace="teaching", instance="hub:8081"'


def hub(name: str, labels: str = "") -> str:
    return f"{name}{{{HUB}{', ' if labels else ''}{labels}}}"


def steady(value: float) -> str:
    return f"{value}x{MINUTES}"


def growing(each_minute: float) -> str:
    return f"0+{each_minute}x{MINUTES}"


def histogram(name: str, labels: str, below: Mapping[str, float]) -> dict[str, str]:
    """A histogram that each minute gets so many more samples up to each bound."""
    found = {hub(f"{name}_bucket", f'{labels}, le="{bound}"'): growing(many) for bound, many in below.items()}
    return found | {hub(f"{name}_count", labels): growing(list(below.values())[-1])}


SPAWNS, STEPS, USERS = "jupyterhub_server_spawn_duration_seconds", "coursehub_hook_seconds", "UserListAPIHandler"
LISTED = hub(
    "jupyterhub_request_duration_seconds_count",
    f'method="GET", handler="jupyterhub.apihandlers.users.{USERS}", code="200"',
)
QUICK = {"0.1": 4, "1": 5, "2.5": 5, "5": 5, "10": 5, "60": 5, "+Inf": 5}
SLOW = {"0.1": 0, "1": 0, "2.5": 0, "5": 0, "10": 0, "60": 0, "120": 5, "+Inf": 5}
NONE = dict.fromkeys(QUICK, 0.0)
LAST_TEST = hub("coursehub_spawn_test_timestamp_seconds", 'course="general"')

WELL: dict[str, str] = {
    hub("up"): steady(1),
    hub("process_start_time_seconds"): steady(0),
    hub("process_resident_memory_bytes"): steady(3e8),
    hub("coursehub_hub_memory_limit_bytes"): steady(1e9),
    hub("jupyterhub_proxy_poll_duration_seconds_count"): growing(1),
    hub("coursehub_state_saved"): steady(1),
    hub("coursehub_courses_load_error"): steady(0),
    hub("coursehub_certificate_expiry_timestamp_seconds"): steady(60 * DAY),
    hub("coursehub_course_usage_bytes", 'course="python-intro"'): steady(4e9),
    hub("coursehub_course_limit_bytes", 'course="python-intro"'): steady(5e9),
    hub("coursehub_course_usage_bytes", 'course="free"'): steady(4e9),
    hub("coursehub_course_limit_bytes", 'course="free"'): steady(0),
    LISTED: growing(0.1),
    hub("coursehub_spawn_test_wanted"): steady(1),
    hub("coursehub_spawn_test_success", 'course="general"'): steady(1),
    LAST_TEST: growing(60),
    **{
        hub("coursehub_provisioner_requests_total", f'verb="{verb}", outcome="{outcome}"'): growing(many)
        for verb in ("home", "course")
        for outcome, many in (("passed", 2), ("failed", 0))
    },
    **histogram("jupyterhub_event_loop_interval_seconds", 'x=""', {"0.05": 1000, "0.5": 1200, "1": 1200, "+Inf": 1200}),
    **histogram(SPAWNS, 'status="success"', {**QUICK, "0.1": 0, "1": 1}),
    # Half of all starts are refused, and that is how it has to be.
    **histogram(SPAWNS, 'status="failure"', QUICK),
    **{
        series: values
        for step in ("identity", "plan", "directories", "gate")
        for outcome, below in (("passed", QUICK), ("failed", NONE), ("refused", QUICK if step == "plan" else NONE))
        for series, values in histogram(STEPS, f'step="{step}", outcome="{outcome}"', below).items()
    },
}

# As JupyterHub tells it from version 6 on.
OF_6: dict[str, str] = {
    **{name: values for name, values in WELL.items() if 'status="failure"' not in name},
    **histogram(SPAWNS, 'status="failure", reason="error"', QUICK),
    **histogram(SPAWNS, 'status="error", reason=""', NONE),
}


def failed(step: str) -> dict[str, str]:
    return {hub(f"{STEPS}_count", f'step="{step}", outcome="failed"'): f"0x{MINUTES - 3} 1 1 1 1"}


WRONG: dict[str, dict[str, str]] = {
    "CoursehubHubDown": {hub("up"): f"1x{MINUTES - 5} 0x10"},
    "CoursehubProxyDown": {hub("jupyterhub_proxy_poll_duration_seconds_count"): f"0+1x{MINUTES - 20} 280x30"},
    "CoursehubHubMemory": {hub("process_resident_memory_bytes"): steady(9e8)},
    "CoursehubEventLoopSlow": dict(
        histogram("jupyterhub_event_loop_interval_seconds", 'x=""', {"0.05": 900, "0.5": 900, "1": 1200, "+Inf": 1200})
    ),
    "CoursehubStateUnsaved": {hub("coursehub_state_saved"): f"1x{MINUTES - 10} 0x20"},
    "CoursehubStartsFailing": dict(histogram(SPAWNS, 'status="failure"', dict.fromkeys(QUICK, 8))),
    "CoursehubStartsSlow": dict(histogram(SPAWNS, 'status="success"', SLOW)),
    "CoursehubStepFailing": dict(failed("identity")),
    "CoursehubStepSlow": dict(histogram(STEPS, 'step="directories", outcome="passed"', {**SLOW, "10": 5, "60": 5})),
    "CoursehubGateClosed": dict(failed("gate")),
    "CoursehubProvisionerFailing": {
        hub("coursehub_provisioner_requests_total", 'verb="home", outcome="failed"'): f"0x{MINUTES - 5} 1x10"
    },
    "CoursehubCourseFileBroken": {hub("coursehub_courses_load_error"): f"0x{MINUTES - 20} 1x30"},
    "CoursehubCourseNearlyFull": {hub("coursehub_course_usage_bytes", 'course="python-intro"'): steady(4.9e9)},
    "CoursehubClassWithoutRoom": {
        hub("coursehub_class_placeholders", 'course="python-intro", state="missing"'): f"0x{MINUTES - 15} 3x20"
    },
    "CoursehubCertificateExpiring": {hub("coursehub_certificate_expiry_timestamp_seconds"): steady(20 * DAY)},
    "CoursehubCertificateExpired": {hub("coursehub_certificate_expiry_timestamp_seconds"): steady(60)},
    "CoursehubCullerSilent": {LISTED: f"0+0.1x{MINUTES - 90} 21x100"},
    "CoursehubSpawnTestFailing": {hub("coursehub_spawn_test_success", 'course="general"'): steady(0)},
    "CoursehubSpawnTestMissing": {LAST_TEST: steady(0)},
}
# The same alerts for another reason: what is looked at is not there at all.
ABSENT: dict[str, list[str]] = {
    "CoursehubHubDown": [hub("up")],
    "CoursehubCullerSilent": [LISTED],
    "CoursehubSpawnTestMissing": [LAST_TEST, hub("coursehub_spawn_test_success", 'course="general"')],
}
# Nothing of it there, as where a site leaves that part out.
OPTIONAL = ("coursehub_certificate_", "coursehub_course_usage", "coursehub_course_limit", "coursehub_hub_memory")


def firing(series: Mapping[str, str], alerts: list[str], folder: Path) -> str:
    """Nothing where exactly `alerts` fire at the end; else what promtool says."""
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts]
    query = 'count by (alertname) (count by (alertname, namespace) (ALERTS{alertstate="firing"}))'
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": f"{MINUTES}m", "exp_samples": expected}],
    }
    file = folder / "test.yaml"
    whole = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(json.dumps(whole))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_takes_the_file() -> None:
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_fires_when_all_is_well(tmp_path: Path) -> None:
    assert firing(WELL, [], tmp_path) == ""


@pytest.mark.parametrize("reason", ["throttled", "too-many-users", "already-pending"])
def test_of_jupyterhub_6_nothing_fires_for_starts_that_have_to_wait(reason: str, tmp_path: Path) -> None:
    waiting = histogram(SPAWNS, f'status="failure", reason="{reason}"', dict.fromkeys(QUICK, 20))
    assert firing(OF_6 | waiting, [], tmp_path) == ""


def test_of_jupyterhub_6_starts_that_fail_alarm_too(tmp_path: Path) -> None:
    errors = histogram(SPAWNS, 'status="error", reason=""', dict.fromkeys(QUICK, 3))
    assert firing(OF_6 | errors, ["CoursehubStartsFailing"], tmp_path) == ""


def test_nothing_fires_for_what_a_site_does_not_have(tmp_path: Path) -> None:
    there = {name: values for name, values in WELL.items() if not name.startswith(OPTIONAL)}
    there = {name: values for name, values in there.items() if "spawn_test" not in name}
    assert firing({**there, hub("coursehub_spawn_test_wanted"): steady(0)}, [], tmp_path) == ""


def test_there_is_a_case_for_each_alert() -> None:
    assert sorted(WRONG) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_fires_alone_when_that_happens(alert: str, tmp_path: Path) -> None:
    assert firing(WELL | WRONG[alert], [alert], tmp_path) == ""


@pytest.mark.parametrize("alert", ABSENT)
def test_the_alert_fires_too_when_there_is_nothing_to_see(alert: str, tmp_path: Path) -> None:
    there = {name: values for name, values in WELL.items() if name not in ABSENT[alert]}
    assert firing(there, [alert], tmp_path) == ""


def test_a_restart_of_the_hub_alarms_nobody(tmp_path: Path) -> None:
    """All counters begin anew two minutes ago, and the hub was away for one."""
    end = MINUTES - 3
    restarted = {
        name: values.replace(f"x{MINUTES}", f"x{end - 1} _ {values.replace(f'x{MINUTES}', 'x2')}")
        for name, values in WELL.items()
        if values.startswith("0+") and name != LAST_TEST
    }
    up = {hub("up"): f"1x{end - 1} 0 1 1 1", hub("process_start_time_seconds"): f"0x{end - 1} _ {end * 60}x3"}
    assert firing(WELL | restarted | up, [], tmp_path) == ""
