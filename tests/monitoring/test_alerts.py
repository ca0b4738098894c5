"""What each alert looks at is there on the running hub, and alerts fire by what they are about, in windows of seconds.

tests/alerts has the times that they really wait, and all of them. That the numbers of the others follow what happens is
shown where it happens: a closed gate (e2e/test_attacks), a provisioner that is away (e2e/test_provisioner), starts that
fail (e2e/test_failures), the spawn test (e2e/test_spawn_test), a renewed certificate (e2e/test_secrets), a hub that
cannot keep its courses (unit/hub/metrics).
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.rules import ALERTS, RULES
from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from .conftest import Prometheus

LogIn = Callable[[str], Person]

# A series that an expression looks at: its name, and what is asked of its labels.
SELECTOR = re.compile(r"\b([a-z_]+)\{([^}]*)\}")
# There with https alone, and before a class: e2e/test_secrets and e2e/test_classes have the times that they are.
AT_TIMES = ("coursehub_certificate_expiry_timestamp_seconds", "coursehub_class_placeholders")
# Bounds at which tests/alerts has a quick and a slow start end up in other buckets.
BOUNDS = {
    "jupyterhub_server_spawn_duration_seconds_bucket": {"10.0", "60.0", "120.0"},
    "coursehub_hook_seconds_bucket": {"0.1", "2.5", "5.0", "10.0"},
    "jupyterhub_event_loop_interval_seconds_bucket": {"0.05", "0.5", "1.0"},
}


def looked_at() -> Iterator[Any]:
    """Each series of each alert."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            for name, labels in sorted(set(SELECTOR.findall(rule["expr"]))):
                if name not in AT_TIMES:
                    yield pytest.param(f"{name}{{{labels}}}", id=f"{rule['alert']}: {name} {labels}")


def fires(prometheus: Prometheus, *alerts: str) -> None:
    """Each of `alerts` fires before long; those of one moment may have ended when the last begins."""
    seen: set[str] = set()

    def look() -> bool:
        seen.update(prometheus.firing())
        return set(alerts) <= seen

    _becomes(prometheus, look, f"{alerts} fire")


def quiet(prometheus: Prometheus, *alerts: str) -> None:
    """None of `alerts` fires any more before long."""
    _becomes(prometheus, lambda: not set(alerts) & prometheus.firing(), f"{alerts} do not fire")


def _becomes(prometheus: Prometheus, look: Callable[[], bool], what: str) -> None:
    try:
        until(look, 120, what)
    except AssertionError as error:
        raise AssertionError(f"{error}; scraped: {prometheus.targets()}; firing: {prometheus.firing()}") from None


@contextmanager
def away(installation: Installation, deployment: str, namespace: str = "") -> Iterator[None]:
    """Without the pods of a Deployment: one that ends still answers."""
    where = f"--namespace={installation.namespace}{namespace}"
    about = json.loads(installation.kubectl(where, "get", f"deployment/{deployment}", "--output=json"))
    labels = ",".join(f"{name}={value}" for name, value in about["spec"]["selector"]["matchLabels"].items())
    try:
        installation.kubectl(where, "scale", f"deployment/{deployment}", "--replicas=0")
        installation.kubectl(where, "wait", "pod", f"--selector={labels}", "--for=delete", "--timeout=120s")
        yield
    finally:
        installation.kubectl(where, "scale", f"deployment/{deployment}", "--replicas=1")
        installation.kubectl(where, "rollout", "status", f"deployment/{deployment}", "--timeout=180s")


def test_the_alert_fires_when_the_hub_is_away(prometheus: Prometheus, installation: Installation) -> None:
    quiet(prometheus, "CoursehubHubDown")
    with away(installation, "hub"):
        fires(prometheus, "CoursehubHubDown")
    quiet(prometheus, "CoursehubHubDown")


# What the troubled site does all the time, and what a slow start in it does.
TROUBLES = (
    "CoursehubHubMemory",
    "CoursehubEventLoopSlow",
    "CoursehubCourseFileBroken",
    "CoursehubCourseNearlyFull",
    "CoursehubStepSlow",
    "CoursehubStartsSlow",
)


@contextmanager
def troubled(installation: Installation, prometheus: Prometheus, folder: Path) -> Iterator[None]:
    """The hub with the code of `troubled_site`, a broken course file, and a course that grew to 95 % of its room."""
    ((_, limit),) = prometheus.some("coursehub_hub_memory_limit_bytes")
    ((_, used),) = prometheus.some('coursehub_course_usage_bytes{course="python-intro"}')
    broken = folder / "courses.yaml"
    broken.write_text(f"{COURSES.read_text()}\n  broken: {{gid: 0}}\n")
    name = "troubled_site"
    module = {
        "mountPath": f"/usr/local/etc/jupyterhub/{name}.py",
        "stringData": Path(__file__).with_name(f"{name}.py").read_text(),
    }
    hub = {"extraConfig": {"site": f"import {name}; {name}.begin(c, {limit:.0f})"}, "extraFiles": {name: module}}
    # Without the growth it would be half full at most.
    growth = int(used) + 2 * 2**20
    room = {"courses": {"python-intro": {"size": f"{int((used + growth) / 0.95 / 2**10)}K"}}}
    values = folder / "values.json"
    values.write_text(json.dumps({"siteModule": name, "quotas": room, "jupyterhub": {"hub": hub}}))
    file = installation.share / "course/python-intro/tests-fill-it"
    before = installation.hub()
    try:
        file.write_bytes(os.urandom(growth))
        installation.helm(broken, "--values", str(values))
        until(lambda: installation.hub_is_ready_after(before), 90, "the hub with code that troubles it")
        yield
    finally:
        file.unlink(missing_ok=True)
        before = installation.hub()
        installation.helm(COURSES)
        until(lambda: installation.hub_is_ready_after(before), 90, "the hub as before")


def test_the_alerts_fire_in_a_troubled_site_and_without_proxy_and_culler_and_are_silent_afterwards(
    prometheus: Prometheus, installation: Installation, log_in: LogIn, tmp_path: Path
) -> None:
    away_alerts = ("CoursehubProxyDown", "CoursehubCullerSilent")
    quiet(prometheus, *TROUBLES)
    jonas = log_in("jonas")
    with troubled(installation, prometheus, tmp_path):
        jonas.choose("general")
        fires(prometheus, *TROUBLES)
        jonas.wait()
        # Both counters grow, stop, and grow again.
        quiet(prometheus, *away_alerts)
        with away(installation, "proxy"), away(installation, "coursehub-culler"):
            fires(prometheus, *away_alerts)
        quiet(prometheus, *away_alerts)
    quiet(prometheus, *TROUBLES)


@pytest.mark.parametrize("series", list(looked_at()))
def test_the_hub_says_what_the_alert_looks_at(series: str, prometheus: Prometheus, lesson: None) -> None:
    prometheus.some(series)


def test_each_alert_looks_at_something() -> None:
    seen = {each.id.partition(":")[0] for each in looked_at()}
    at_times = {"CoursehubCertificateExpiring", "CoursehubCertificateExpired", "CoursehubClassWithoutRoom"}
    assert set(ALERTS) - seen == at_times


@pytest.mark.parametrize("name", BOUNDS)
def test_times_are_counted_up_to_the_bounds_that_alerts_need(name: str, prometheus: Prometheus) -> None:
    assert BOUNDS[name] <= {labels["le"] for labels, _ in prometheus.some(f'{name}{{job="coursehub-hub"}}')}


def test_what_is_compared_is_of_one_kind(prometheus: Prometheus) -> None:
    """Memory in bytes beside bytes, and times of the same clock."""
    ((_, share),) = prometheus.some("process_resident_memory_bytes / coursehub_hub_memory_limit_bytes")
    assert 0.02 < share < 0.85
    ((_, age),) = prometheus.some('time() - process_start_time_seconds{job="coursehub-hub"}')
    assert 0 < age < 86400
    full = prometheus.some("coursehub_course_usage_bytes / (coursehub_course_limit_bytes > 0)")
    assert [labels["course"] for labels, share in full if 0 < share < 0.9] == ["python-intro"]
