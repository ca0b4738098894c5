"""Each alert is made to fire by what it is about, on the running hub; test_rules has the hours that it really waits."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.https import SECRET, Https, served
from tests.e2e.person import Person
from tests.e2e.test_course_file import written

from .conftest import ALERTS, Prometheus

LogIn = Callable[[str], Person]
# How many choices the person of the spawn test has, each of which it tries in turn.
CHOICES = 3


def fires(prometheus: Prometheus, *alerts: str) -> None:
    """All of `alerts` fire before long."""
    _becomes(prometheus, lambda: set(alerts) <= prometheus.firing(), f"{alerts} fire")


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


def test_the_alerts_fire_when_the_provisioner_is_away(
    prometheus: Prometheus, installation: Installation, log_in: LogIn
) -> None:
    """The hub asks it anew where a home is not as it was."""
    alerts = ("CoursehubStepFailing", "CoursehubProvisionerFailing")
    quiet(prometheus, *alerts)
    home = installation.share / "home/03/emma"
    aside = home.with_name("emma-aside")
    home.rename(aside)
    try:
        with away(installation, "coursehub-provisioner", "-storage"):
            emma = log_in("emma")
            emma.choose("general")
            assert not emma.progress().get("ready")
            fires(prometheus, *alerts)
    finally:
        shutil.rmtree(home, ignore_errors=True)
        aside.rename(home)


def test_the_alert_fires_while_a_course_file_is_broken(
    prometheus: Prometheus, installation: Installation, tmp_path: Path
) -> None:
    quiet(prometheus, "CoursehubCourseFileBroken")
    broken = tmp_path / "courses.yaml"
    broken.write_text(f"{COURSES.read_text()}\n  broken: {{gid: 0}}\n")
    with installation.upgraded(broken):
        fires(prometheus, "CoursehubCourseFileBroken")
    quiet(prometheus, "CoursehubCourseFileBroken")


def test_the_alerts_fire_when_a_spawn_test_fails_and_when_the_last_is_long_ago(
    prometheus: Prometheus, installation: Installation
) -> None:
    home = installation.share / "home/31/spawntest"
    os.chown(home, 20001, 20001)
    try:
        succeeded, said = installation.job("coursehub-spawn-test", f"tests-alert-{os.getpid()}", 600)
        assert not succeeded, said
        fires(prometheus, "CoursehubSpawnTestFailing")
    finally:
        os.chown(home, 20031, 20031)
    for turn in range(CHOICES):
        succeeded, said = installation.job("coursehub-spawn-test", f"tests-well-{os.getpid()}-{turn}", 600)
        assert succeeded, said
    quiet(prometheus, "CoursehubSpawnTestFailing", "CoursehubSpawnTestMissing")
    fires(prometheus, "CoursehubSpawnTestMissing")


def test_each_alert_fires_in_a_test_of_this_file() -> None:
    assert [alert for alert in ALERTS if f'"{alert}"' not in Path(__file__).read_text()] == []


def test_the_alerts_fire_when_proxy_and_culler_are_away(prometheus: Prometheus, installation: Installation) -> None:
    alerts = ("CoursehubProxyDown", "CoursehubCullerSilent")
    quiet(prometheus, *alerts)
    with away(installation, "proxy"), away(installation, "coursehub-culler"):
        fires(prometheus, *alerts)
    quiet(prometheus, *alerts)


def test_the_alert_fires_when_the_live_courses_cannot_be_kept(
    prometheus: Prometheus, installation: Installation, tmp_path: Path
) -> None:
    quiet(prometheus, "CoursehubStateUnsaved")
    kept = Path(installation.kubeconfig).parent / "hub-db/coursehub/live.jsonl"
    more = written(tmp_path / "courses.yaml", more={"name": "More", "students": "everyone"})
    kept.unlink()
    (kept / "in the way").mkdir(parents=True)
    with installation.upgraded(more):
        try:
            fires(prometheus, "CoursehubStateUnsaved")
        finally:
            shutil.rmtree(kept)
    quiet(prometheus, "CoursehubStateUnsaved")


def test_the_alert_fires_when_servers_do_not_start(
    prometheus: Prometheus, installation: Installation, log_in: LogIn, tmp_path: Path
) -> None:
    quiet(prometheus, "CoursehubStartsFailing")
    missing = {"name": "Missing", "students": "everyone", "image": "missing"}
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"images": {"missing": "localhost/coursehub/nothing:1"}}))
    people = [log_in(name) for name in ("maria", "jonas", "emma", "sofia")]
    with installation.upgraded(written(tmp_path / "courses.yaml", missing=missing), "--values", str(values)):
        until(lambda: all("missing" in each.choices() for each in people), 110, "the course whose image is missing")
        for each in people:
            each.choose("missing")
        fires(prometheus, "CoursehubStartsFailing")


def test_the_alert_fires_when_a_course_has_little_room_left(prometheus: Prometheus, installation: Installation) -> None:
    quiet(prometheus, "CoursehubCourseNearlyFull")
    file = installation.share / "course/python-intro/tests-fill-it"
    ((_, used),) = prometheus.some('coursehub_course_usage_bytes{course="python-intro"}')
    file.write_bytes(os.urandom(2 * 2**20))
    try:
        size = int((used + 2 * 2**20) / 0.95 / 2**10)
        with installation.upgraded(COURSES, "--set-json", f'quotas.courses.python-intro={{"size": "{size}K"}}'):
            fires(prometheus, "CoursehubCourseNearlyFull")
    finally:
        file.unlink()
    quiet(prometheus, "CoursehubCourseNearlyFull")


@pytest.fixture
def https(installation: Installation, tmp_path: Path) -> Iterator[Https]:
    """The hub with https; afterwards all is as before."""
    with served(installation, tmp_path) as made:
        yield made


def test_the_alerts_fire_before_and_after_the_certificate_ends(
    prometheus: Prometheus, installation: Installation, https: Https
) -> None:
    quiet(prometheus, "CoursehubCertificateExpiring", "CoursehubCertificateExpired")
    https.certify(days=20)
    https.apply("--restart-proxy")
    fires(prometheus, "CoursehubCertificateExpiring")
    assert "CoursehubCertificateExpired" not in prometheus.firing()

    https.certify(days=-1)
    # The command itself brings in none that has ended.
    key, certificate = (f"--{name}={https.folder / 'tls'}.{end}" for name, end in (("key", "key"), ("cert", "crt")))
    made = installation.kubectl(
        "create", "secret", "tls", SECRET, certificate, key, "--dry-run=client", "--output=json"
    )
    installation.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", text=made)
    installation.kubectl("rollout", "restart", "deployment/proxy")
    fires(prometheus, "CoursehubCertificateExpired")
    quiet(prometheus, "CoursehubCertificateExpiring")


@pytest.fixture(scope="module")
def troubled(
    installation: Installation, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The hub with the code of `troubled_site`; no test below it changes the installation."""
    alerts = ("HubMemory", "EventLoopSlow", "GateClosed", "StepSlow", "StartsSlow")
    quiet(prometheus, *(f"Coursehub{name}" for name in alerts))
    ((_, limit),) = prometheus.some("coursehub_hub_memory_limit_bytes")
    name = "troubled_site"
    module = {
        "mountPath": f"/usr/local/etc/jupyterhub/{name}.py",
        "stringData": Path(__file__).with_name(f"{name}.py").read_text(),
    }
    hub = {"extraConfig": {"site": f"import {name}; {name}.begin(c, {limit:.0f})"}, "extraFiles": {name: module}}
    values = tmp_path_factory.mktemp("troubled") / "values.json"
    values.write_text(json.dumps({"siteModule": name, "jupyterhub": {"hub": hub}}))
    before = installation.hub()
    try:
        installation.helm(COURSES, "--values", str(values))
        until(lambda: installation.hub_is_ready_after(before), 90, "the hub with code that troubles it")
        yield
    finally:
        before = installation.hub()
        installation.helm(COURSES)
        until(lambda: installation.hub_is_ready_after(before), 90, "the hub as before")


@pytest.mark.usefixtures("troubled")
def test_the_alerts_fire_when_the_hub_stalls_and_needs_nearly_all_its_memory(prometheus: Prometheus) -> None:
    fires(prometheus, "CoursehubHubMemory", "CoursehubEventLoopSlow")


@pytest.mark.usefixtures("troubled")
def test_the_alert_fires_when_code_of_the_site_bends_a_pod(prometheus: Prometheus, log_in: LogIn) -> None:
    emma = log_in("emma")
    emma.choose("general")
    assert not emma.progress().get("ready")
    fires(prometheus, "CoursehubGateClosed")


@pytest.mark.usefixtures("troubled")
def test_the_alerts_fire_when_starts_take_more_than_a_minute(prometheus: Prometheus, log_in: LogIn) -> None:
    log_in("jonas").start("general")
    fires(prometheus, "CoursehubStepSlow", "CoursehubStartsSlow")
