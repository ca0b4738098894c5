"""Why did my pod fail: real kubelet, scheduler and kernel say it, the person reads a sentence, the admin a record."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from .cluster import Installation, until
from .course_files import live, written
from .failing import dies, newest
from .person import Person, execute, said

LogIn = Callable[[str], Person]

# How long somebody looks at the progress page who can start nothing.
SOON = 20
ROOM = "tests.example.edu/room"
SMALL = {"memory": "32M", "guarantee": {"memory": "16M"}}
COURSES: dict[str, dict[str, Any]] = {
    "missing": {"name": "Missing", "students": ["nils", "olga"], "image": "missing"},
    "other": {"name": "Other", "students": ["nils", "olga"], "image": "other"},
    "tiny": {"name": "Tiny", "students": ["nils", "olga"], "image": "python", "resources": SMALL},
    "hungry": {"name": "Hungry", "students": ["nils", "olga"], "image": "python", "resources": {"memory": "400M"}},
    "roomy": {"name": "Roomy", "students": ["nils", "olga"], "image": "python", "resources": {"node": "room"}},
}
TOO_MUCH = "Your server used more memory than the {} of this course, and was ended."
KILL = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"


@pytest.fixture(scope="module", autouse=True)
def courses(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Courses whose servers cannot start, or not for long."""
    folder = tmp_path_factory.mktemp("failures")
    made = json.loads((Path(installation.kubeconfig).parent / "values.json").read_text())
    proxy = made["jupyterhub"]["proxy"]["chp"]["image"]
    images = {"missing": "localhost/coursehub/nothing:1", "other": f"{proxy['name']}:{proxy['tag']}"}
    values = folder / "values.json"
    values.write_text(json.dumps({"images": images, "nodes": {"room": {"nodeSelector": {ROOM: "yes"}}}}))
    with installation.upgraded(written(folder / "courses.yaml", **COURSES), "--values", str(values)):
        until(lambda: live(installation).get("roomy", {}).get("version"), 110, "the courses that fail live")
        yield
    until(lambda: "roomy" not in live(installation), 110, "the courses as before")


def failed_start(person: Person, profile: str) -> str:
    """What the progress page ends with, which is soon."""
    began = time.monotonic()
    person.choose(profile)
    last = person.progress()
    assert last.get("failed"), f"{profile} started: {last}"
    assert time.monotonic() - began < SOON, f"{profile}: too late"
    assert not person.has_server()
    return str(last["message"])


def test_a_missing_image_is_told_at_once_and_the_admin_reads_which(log_in: LogIn, installation: Installation) -> None:
    olga = log_in("olga")
    sentence = "The image of your server is not there, or may not be fetched. Please tell your teacher."
    assert sentence in failed_start(olga, "missing")
    assert sentence in said(olga.client.get("/hub/spawn-pending/olga"))
    record = newest(installation, "olga")
    assert (record["reason"], record["stage"], record["course"]) == ("image", "start", "missing")
    assert record["image"] == "localhost/coursehub/nothing:1"
    text = installation.coursehub("logs", "olga")
    assert "missing, as student: failed as it started: image" in text
    assert "localhost/coursehub/nothing:1" in text
    assert "Scheduled: Successfully assigned" in text


@pytest.mark.alone
def test_a_volume_that_cannot_be_mounted_is_told_at_once(log_in: LogIn, installation: Installation) -> None:
    olga = log_in("olga")
    away = installation.share.with_name("share-away")
    # Who has it mounted keeps it; kubelet looks for its name when it mounts it once more.
    installation.share.rename(away)
    try:
        message = failed_start(olga, "statistics-lab")
    finally:
        away.rename(installation.share)
    assert "The storage with your files cannot be connected to your server. Nothing is lost" in message
    record = newest(installation, "olga")
    assert record["reason"] == "volume"
    assert "hostPath" in record["detail"]
    olga.start("statistics-lab")
    assert json.loads(installation.coursehub("logs", "olga", "--json"))["failures"][0] == record


def test_too_little_memory_to_start_is_told_at_once(log_in: LogIn, installation: Installation) -> None:
    olga = log_in("olga")
    assert TOO_MUCH.format("32M") in failed_start(olga, "tiny")
    record = newest(installation, "olga")
    assert (record["reason"], record["stage"], record["exit_code"]) == ("memory", "start", 137)


def test_a_container_that_ends_at_once_is_told_with_what_it_said(log_in: LogIn, installation: Installation) -> None:
    olga = log_in("olga")
    message = failed_start(olga, "other")
    assert "Your server ended by itself (exit code 127). The last that it said: " in message
    assert "exec coursehub-start failed: No such file or directory" in message
    record = newest(installation, "olga")
    assert (record["reason"], record["stage"], record["exit_code"]) == ("exited", "start", 127)
    assert "coursehub-start" in "\n".join(record["lines"]), "the admin does not read which program is missing"


def test_who_ran_out_of_memory_reads_so_on_coming_back(log_in: LogIn, installation: Installation) -> None:
    nils = log_in("nils")
    nils.start("hungry")
    # The server has all of a file in its memory while it saves it: it is the process that goes, whoever chooses.
    big = {"type": "file", "format": "text", "content": "x" * 200_000_000}
    with contextlib.suppress(httpx.HTTPError):
        nils.server("PUT", "/api/contents/home/nils/big.txt", big)
    dies(nils)
    sentence = TOO_MUCH.format("400M")
    assert sentence in said(nils.client.get("/user/nils/lab"))
    assert sentence in said(nils.client.get("/hub/courses"))
    record = newest(installation, "nils")
    assert (record["reason"], record["stage"], record["course"]) == ("memory", "running", "hungry")
    nils.start("hungry")
    nils.stop()
    assert sentence not in said(nils.client.get("/hub/courses"))


def test_the_last_lines_of_a_server_that_was_killed_are_there_after_its_pod_is_gone(
    log_in: LogIn, installation: Installation
) -> None:
    nils = log_in("nils")
    nils.start("general")
    assert "ServerApp" in installation.coursehub("logs", "nils"), "the log of a server that runs"
    with contextlib.suppress(ConnectionClosed, TimeoutError), nils.kernel().channel() as socket:
        execute(socket, KILL)
        while True:
            socket.recv(timeout=30)
    dies(nils)
    record = newest(installation, "nils")
    assert (record["reason"], record["stage"], record["exit_code"]) == ("exited", "running", 137)
    assert any("ServerApp" in line for line in record["lines"])
    assert "its last lines:" in installation.coursehub("logs", "nils")
    assert "failed while it ran: exited" in installation.coursehub("logs", "nils", "--previous")


def test_a_start_without_room_says_so_and_goes_on_when_there_is(log_in: LogIn, installation: Installation) -> None:
    olga = log_in("olga")
    olga.choose("roomy")
    node = installation.kubectl("get", "nodes", "--output", "name").split()[0]
    heard = []
    try:
        for event in olga.events():
            heard.append(event["message"])
            if "There is no room for your server on the machines. It waits" in event["message"]:
                assert "There is no room for your server" in installation.coursehub("logs", "olga")
                installation.kubectl("label", node, f"{ROOM}=yes", "--overwrite")
    finally:
        installation.kubectl("label", node, f"{ROOM}-")
    assert any("There is no room" in message for message in heard), heard
    assert olga.has_server(), heard[-1]


@pytest.mark.alone
def test_failures_are_counted_by_reason_and_course(log_in: LogIn, installation: Installation) -> None:
    sofia, olga = log_in("sofia"), log_in("olga")
    name = 'coursehub_spawn_failures_total{course="missing",reason="image"}'
    of_all = 'jupyterhub_server_spawn_duration_seconds_count{status="failure"}'
    before = sofia.metrics()
    failed_start(olga, "missing")
    newest(installation, "olga")
    now = sofia.metrics()
    assert now[name] == before.get(name, 0) + 1
    assert now[of_all] == before[of_all] + 1, "nobody is alerted where many fail"
