"""The spawn test: a Job tries one course as a person who is nobody, and Prometheus sees what came of it."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from .cluster import COURSES, Installation, until
from .course_files import live
from .person import Person

LogIn = Callable[[str], Person]
Trial = Callable[[], tuple[bool, str]]
CRONJOB = "coursehub-spawn-test"
# Of values/courses.yaml, what somebody who is in no course may start.
OPEN = {"python-intro", "statistics-lab", "general"}
BROKEN = {"name": "Broken Image", "students": ["spawntest"], "image": "nowhere"}


def sample(name: str, course: str) -> str:
    return f'coursehub_spawn_test_{name}{{course="{course}"}}'


@pytest.fixture
def trial(installation: Installation) -> Trial:
    """Runs the test once: whether the Job succeeded, and what it said."""
    runs = iter(range(100))
    return lambda: installation.job(CRONJOB, f"tests-spawn-{os.getpid()}-{next(runs)}", 600)


def course_of(said: str) -> str:
    return said.split("spawn test of ")[1].split(":")[0]


def test_courses_are_tried_in_turn_and_what_came_of_it_is_on_the_hubs_metrics(
    log_in: LogIn, installation: Installation, trial: Trial
) -> None:
    tried = []
    for _ in OPEN:
        succeeded, said = trial()
        assert succeeded, said
        assert said.startswith("spawn test of ")
        assert ": well, after " in said
        tried.append(course_of(said))
    assert set(tried) == OPEN
    assert installation.pod_of("spawntest") is None, "the test left its server running"
    numbers = log_in("sofia").metrics()
    for course in OPEN:
        assert numbers[sample("success", course)] == 1
        assert numbers[sample("seconds", course)] > 0
    last = max(OPEN, key=lambda course: numbers[sample("timestamp_seconds", course)])
    assert last == tried[-1]


@pytest.fixture
def no_home(installation: Installation) -> Iterator[Path]:
    """The test person's home belongs to somebody else."""
    path = installation.share / "home/31/spawntest"
    os.chown(path, 20001, 20001)
    yield path
    os.chown(path, 20031, 20031)


def test_a_start_that_is_refused_fails_the_job_with_the_sentence(log_in: LogIn, no_home: Path, trial: Trial) -> None:
    succeeded, said = trial()
    assert not succeeded
    assert "spawntest" in said
    course = course_of(said)
    assert log_in("sofia").metrics()[sample("success", course)] == 0
    os.chown(no_home, 20031, 20031)
    # After a failure another one has its turn, then the one that failed.
    tried = [trial() for _ in range(2)]
    assert [ended for ended, _ in tried] == [True, True], tried
    assert course_of(tried[1][1]) == course
    assert log_in("sofia").metrics()[sample("success", course)] == 1


@pytest.fixture
def broken(installation: Installation, tmp_path: Path) -> Iterator[str]:
    """A course of the test person's whose image is nowhere."""
    path = tmp_path / "courses.yaml"
    path.write_text(f"{COURSES.read_text()}\n  broken-image: {json.dumps(BROKEN)}\n")
    with installation.upgraded(path, "--set", "images.nowhere=localhost/coursehub/nowhere:1"):
        until(lambda: "broken-image" in live(installation), 110, "the course on the hub")
        yield "broken-image"
    until(lambda: "broken-image" not in live(installation), 110, "the course gone again")


@pytest.mark.alone
def test_a_course_whose_image_is_missing_fails_with_the_reason_and_the_others_go_on(
    log_in: LogIn, installation: Installation, trial: Trial, broken: str
) -> None:
    succeeded, said = trial()
    assert not succeeded
    # It was never tried, so it is next.
    assert said.startswith(f"spawn test of {broken}: ")
    assert len(said.removeprefix(f"spawn test of {broken}: ")) > 20
    assert log_in("sofia").metrics()[sample("success", broken)] == 0
    assert installation.pod_of("spawntest") is None
    succeeded, said = trial()
    assert succeeded, said
    assert course_of(said) in OPEN


@pytest.mark.alone
def test_its_token_does_not_open_anybody_elses_server(log_in: LogIn, installation: Installation) -> None:
    maria = log_in("maria")
    maria.start("general")
    key = "{.data.hub\\.services\\.coursehub-spawn-test\\.apiToken}"
    token = base64.b64decode(installation.kubectl("get", "secret", "hub", f"--output=jsonpath={key}")).decode()
    headers = {"Authorization": f"token {token}"}
    for method, path in (
        ("GET", f"{installation.server('maria')}/api/contents"),
        ("DELETE", f"{installation.url}/hub/api/users/maria/server"),
        ("POST", f"{installation.url}/hub/api/users/maria/tokens"),
    ):
        answer = httpx.request(method, path, headers=headers, timeout=60)
        assert answer.status_code in (401, 403, 404), f"{method} {path}: {answer.status_code}"
