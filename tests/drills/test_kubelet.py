"""What `helm upgrade` changes is in the running hub at once, however seldom kubelet looks, and soon in the culler.

Everywhere else in the tests the local cluster's kubelet looks every two seconds.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from .command import run

# Seconds, as docs/teachers.md says.
CULLER = 120


@contextmanager
def unhurried() -> Iterator[None]:
    """Kubelet with its own period, a minute; afterwards the local cluster's."""
    done = run("up", COURSEHUB_SYNC="1m")
    assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        done = run("up")
        assert done.returncode == 0, done.stderr


def culler_knows(installation: Installation, course: str) -> bool | None:
    """Whether it is among the live courses that the culler's log says last; None while kubelet gives no log.

    Its pod has the course files by mounted ConfigMaps.
    """
    lines = installation.kubectl("logs", "deployment/coursehub-culler", check=False).splitlines()
    said = [line for line in lines if "live courses: " in line]
    return course in said[-1] if said else None


def test_a_new_course_is_in_the_hub_at_once_and_in_the_culler_within_two_minutes_also_at_kubelets_own_pace(
    tmp_path: Path,
) -> None:
    installation = Installation.here()
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    emma = Person(installation.url, "emma", installation.password)
    before = installation.hub()
    (culler,) = installation.pods("app.kubernetes.io/component=culler")
    assert "history" not in emma.choices()
    assert culler_knows(installation, "history") is False
    longer = tmp_path / "courses.yaml"
    shutil.copy(COURSES, longer)
    with longer.open("a") as file:
        file.write("\n  history:\n    name: History of Computing\n    students: everyone\n")
    with unhurried():
        since = time.monotonic()
        with installation.upgraded(longer):
            until(lambda: "history" in emma.choices(), 10, "the new course on the page", every=0.2)
            assert installation.hub() == before, "the hub was restarted"
            left = since + CULLER - time.monotonic()
            until(lambda: culler_knows(installation, "history"), left, "the new course in the culler")
            (now,) = installation.pods("app.kubernetes.io/component=culler")
            assert now["metadata"]["uid"] == culler["metadata"]["uid"], "the culler was restarted"
    until(lambda: "history" not in emma.choices(), 10, "the course gone again", every=0.2)
    until(lambda: culler_knows(installation, "history") is False, CULLER, "the course gone from the culler")
