"""What `helm upgrade` changes is in the running hub at once, however seldom kubelet looks.

Everywhere else in the tests the local cluster's kubelet looks every two seconds.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

from .command import run


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


def test_a_new_course_appears_at_once_and_without_a_restart_also_at_kubelets_own_pace(tmp_path: Path) -> None:
    installation = Installation.here()
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    emma = Person(installation.url, "emma", installation.password)
    before = installation.hub()
    assert "history" not in emma.choices()
    longer = tmp_path / "courses.yaml"
    shutil.copy(COURSES, longer)
    with longer.open("a") as file:
        file.write("\n  history:\n    name: History of Computing\n    students: everyone\n")
    with unhurried(), installation.upgraded(longer):
        until(lambda: "history" in emma.choices(), 10, "the new course on the page", every=0.2)
        assert installation.hub() == before, "the hub was restarted"
    until(lambda: "history" not in emma.choices(), 10, "the course gone again", every=0.2)
