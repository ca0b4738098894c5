"""The provisioner of the local cluster: homes come at the first start, and without it a start is a sentence."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .cluster import Installation, until
from .person import Person

pytestmark = pytest.mark.alone

LogIn = Callable[[str], Person]
DEPLOYMENT = "deployment/coursehub-provisioner"


@pytest.fixture
def home(installation: Installation) -> Iterator[Path]:
    """Emma has no home; what she had comes back afterwards."""
    path = installation.share / "home/03/emma"
    # Beside the volume: in it, a folder of her uid is her home under another name.
    aside = installation.share.with_name("emma-aside")
    path.rename(aside)
    yield path
    if path.is_dir():
        for each in sorted(path.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
        path.rmdir()
    aside.rename(path)


def there(installation: Installation, *arguments: str) -> str:
    """kubectl in the provisioner's namespace; of two --namespace the last counts."""
    return installation.kubectl(f"--namespace={installation.namespace}-storage", *arguments)


def test_a_new_person_gets_a_home_at_the_first_start(log_in: LogIn, installation: Installation, home: Path) -> None:
    emma = log_in("emma")
    emma.choose("general")
    emma.wait()
    found = home.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o700, 20003, 20003)
    assert "home emma: make home/03/emma 0700 20003:20003" in there(installation, "logs", DEPLOYMENT)


def test_without_the_service_a_start_is_a_sentence_and_nothing_is_made(
    log_in: LogIn, installation: Installation, home: Path
) -> None:
    """F3"""
    there(installation, "scale", DEPLOYMENT, "--replicas=0")
    try:
        pods = "--selector=app.kubernetes.io/component=provisioner"
        until(lambda: not json.loads(there(installation, "get", "pods", pods, "-o", "json"))["items"], 60, "it is gone")
        emma, sofia = log_in("emma"), log_in("sofia")
        before = sofia.metrics()
        emma.choose("general")
        assert "The service that looks after directories does not answer" in str(emma.progress())
        assert installation.pod_of("emma") is None
        assert not home.exists()
        now = sofia.metrics()
        for failed in (
            'coursehub_hook_seconds_count{outcome="failed",step="directories"}',
            'coursehub_provisioner_requests_total{outcome="failed",verb="home"}',
        ):
            assert now[failed] == before[failed] + 1, "nobody is alerted"
    finally:
        there(installation, "scale", DEPLOYMENT, "--replicas=1")
        there(installation, "rollout", "status", DEPLOYMENT, "--timeout=120s")


def test_its_pod_has_no_token_of_the_cluster(installation: Installation) -> None:
    pods = json.loads(there(installation, "get", "pods", "-o", "json"))["items"]
    assert pods
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert not [volume for volume in pod["spec"]["volumes"] if "projected" in volume]
