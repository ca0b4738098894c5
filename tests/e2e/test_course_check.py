"""The check of all directories as a Job: made from the CronJob, it finds what is bent, and repairs where told to."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .cluster import Installation, until

pytestmark = pytest.mark.alone

CRONJOB = "cronjob/coursehub-check"
INBOUND = "exchange/python-intro/inbound"
FINDING = f"{INBOUND}: is 2777 0:70101, has to be 3773 0:70101"

Check = Callable[..., tuple[bool, list[str]]]


def there(installation: Installation, *arguments: str, text: str | None = None) -> str:
    """kubectl in the namespace of what acts as root; of two --namespace the last counts."""
    return installation.kubectl(f"--namespace={installation.namespace}-storage", *arguments, text=text)


@pytest.fixture
def check(installation: Installation) -> Iterator[Check]:
    """Runs a Job of the CronJob to its end: whether it succeeded, and what its log says."""
    made: list[str] = []

    def run(name: str, *words: str) -> tuple[bool, list[str]]:
        made.append(name)
        job = there(installation, "create", "job", f"--from={CRONJOB}", name, "--dry-run=client", "-o", "json")
        described: dict[str, Any] = json.loads(job)
        (container,) = described["spec"]["template"]["spec"]["containers"]
        container["args"] = [*words, *container["args"]]
        there(installation, "create", "-f", "-", text=json.dumps(described))

        def ended() -> str | None:
            status = json.loads(there(installation, "get", "job", name, "-o", "json"))["status"]
            conditions = {each["type"] for each in status.get("conditions", []) if each["status"] == "True"}
            return next(iter(conditions & {"Complete", "Failed"}), None)

        how = until(ended, 120, f"the job {name} has ended")
        return how == "Complete", there(installation, "logs", f"job/{name}").splitlines()

    yield run
    for name in made:
        there(installation, "delete", "job", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def inbound(installation: Installation) -> Iterator[Path]:
    path = installation.share / INBOUND
    yield path
    path.chmod(0o3773)


def test_f5_an_exchange_that_everybody_lists_fails_the_job_and_a_repair_closes_it(check: Check, inbound: Path) -> None:
    inbound.chmod(0o2777)
    succeeded, said = check("tests-bent")
    assert not succeeded
    assert FINDING in said
    assert stat.S_IMODE(inbound.stat().st_mode) == 0o2777, "without --repair it only looks"
    _, said = check("tests-repair", "--repair")
    assert f"{FINDING} (repaired)" in said
    assert stat.S_IMODE(inbound.stat().st_mode) == 0o3773
    assert inbound.stat().st_gid == 70101
    succeeded, said = check("tests-well")
    assert (succeeded, said) == (True, []), "the demo site's directories are not as they should be"


def test_a_course_whose_archive_date_has_come_is_closed_by_a_repair(check: Check, installation: Installation) -> None:
    """The file is an instructor's, from before the date of python-intro-2024."""
    left = installation.share / "course/python-intro-2024/files/from-before.txt"
    left.write_text("")
    try:
        left.chmod(0o664)
        check("tests-close", "--repair")
        found = left.stat()
        assert (stat.S_IMODE(found.st_mode) & 0o022, found.st_gid) == (0, 70103)
    finally:
        left.unlink()


def test_an_admin_runs_it_at_once_and_it_cannot_be_run_twice_at_a_time(installation: Installation) -> None:
    there(installation, "create", "job", f"--from={CRONJOB}", "tests-now")
    try:
        spec = json.loads(there(installation, "get", CRONJOB, "-o", "json"))["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        (pod,) = until(
            lambda: json.loads(there(installation, "get", "pods", "--selector=job-name=tests-now", "-o", "json"))[
                "items"
            ],
            60,
            "the job's pod is there",
        )
        assert pod["spec"]["automountServiceAccountToken"] is False
        (token,) = (volume["name"] for volume in pod["spec"]["volumes"] if "projected" in volume)
        (container,) = pod["spec"]["containers"]
        assert token not in {mount["name"] for mount in container["volumeMounts"]}, "what acts as root has a token"
        assert container["securityContext"]["capabilities"] == {
            "drop": ["ALL"],
            "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        }
    finally:
        there(installation, "delete", "job", "tests-now", "--ignore-not-found")
