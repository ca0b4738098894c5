"""A file server that is down: a new hub starts all the same, and everything but starts of servers goes on.

Without a provisioner, where a pod of its own looks at the share. The local cluster's share is a folder; taken away, it
is to kubelet what a file server that is down is: no pod gets it mounted, and who has it mounted already keeps it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cluster import COURSES, Installation, until
from tests.e2e.person import Person

SITE = """\
storage: {provisioner: {enabled: false}}
usage: {provider: none}
"""
LOOKER = "app.kubernetes.io/component=looker"
# Seconds: kubelet tries a mount again after two minutes at the latest.
MOUNTED = 240


@contextmanager
def down(share: Path) -> Iterator[None]:
    """No new pod gets the share."""
    away = share.with_name("share.away")
    share.rename(away)
    try:
        yield
    finally:
        away.rename(share)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Without a provisioner; afterwards as `make up` made it."""
    found = Installation.here()
    site = tmp_path / "site.yaml"
    site.write_text(SITE)
    with found.upgraded(COURSES, "--values", str(site)):
        yield found


def looks(installation: Installation) -> bool:
    """Whether one pod looks at the share, and is ready."""
    containers = [each for pod in installation.pods(LOOKER) for each in pod["status"].get("containerStatuses", ())]
    return [each["ready"] for each in containers] == [True]


def test_while_the_file_server_is_down_a_new_hub_starts_and_everything_but_starts_goes_on(
    installation: Installation,
) -> None:
    until(lambda: looks(installation), MOUNTED, "somebody looks at the share")
    until(installation.hub_is_ready, 120, "the hub behind the proxy")
    emma = Person(installation.url, "emma", installation.password)
    emma.start("general")
    before = installation.hub()
    with down(installation.share):
        for selector in ("component=hub", LOOKER):
            installation.kubectl("delete", "pod", "--selector", selector, "--wait=false")
        until(lambda: installation.hub_is_ready_after(before), 180, "a new hub")
        until(emma.reaches_server, 60, "the server that runs")
        assert emma.terminal("echo $((6 * 7))") == "42"
        jonas = Person(installation.url, "jonas", installation.password)
        assert "general" in jonas.choices()
        jonas.choose("general")
        assert "does not answer. Please try again in a few minutes." in str(jonas.progress())
        assert installation.pod_of("jonas") is None
        done = installation.command("status")
        assert done.returncode == 1
        assert "! directories" in done.stdout
        emma.stop()
        assert installation.pod_of("emma") is None
    until(lambda: looks(installation), MOUNTED, "somebody looks at the share again")
    jonas.start("general")
    assert jonas.terminal("touch ~/there && rm ~/there && echo written") == "written"
    jonas.stop()
