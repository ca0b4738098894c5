"""The provisioner's door in the cluster, on file servers that squash, fail and hang: a file system of the tests."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import fuse
from tests.e2e.cluster import until
from tests.server import Server, server

pytestmark = pytest.mark.skipif(bool(fuse.missing()), reason=str(fuse.missing()))

MARIA = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}


@pytest.fixture
def file_server(tmp_path: Path) -> Iterator[fuse.Mounted]:
    with fuse.mounted(tmp_path / "fuse") as found:
        yield found


@pytest.mark.parametrize("mode", [0o755, 0o777], ids=["nobody may not make", "nobody may make and not give away"])
def test_on_a_squashed_export_it_does_not_start_and_names_the_ssh_door(
    file_server: fuse.Mounted, tmp_path: Path, mode: int
) -> None:
    file_server.tree.chmod(mode)
    file_server.behave("squash")
    refused = server(tmp_path, file_server.path)
    assert refused.start().wait(timeout=60) == 1
    log = refused.log.read_text()
    assert "the ssh door" in log
    assert "Traceback" not in log
    assert len(log.splitlines()) == 1


def test_on_a_volume_that_fails_it_does_not_start_and_says_why(file_server: fuse.Mounted, tmp_path: Path) -> None:
    file_server.behave("fail")
    refused = server(tmp_path, file_server.path)
    assert refused.start().wait(timeout=60) == 1
    assert "nothing can be made on the volume (Input/output error)" in refused.log.read_text()


def test_a_file_server_that_fails_later_is_told_and_tried_again(file_server: fuse.Mounted, tmp_path: Path) -> None:
    with server(tmp_path, file_server.path).running() as service:
        file_server.behave("fail")
        assert service.ask(MARIA) == (503, {"refusal": "the file server refused it (Input/output error)"})
        file_server.behave("well")
        assert service.ask(MARIA)[0] == 200


def guest(name: str) -> dict[str, object]:
    """The request for a home of a guest, who has a uid of their own."""
    return MARIA | {"name": name, "uid": 21000 + int(name.removeprefix("guest"))}


def _is_served(service: Server, request: dict[str, object]) -> bool:
    return service.ask(request)[0] == 200


def test_a_file_server_that_hangs_is_told_in_time_and_the_service_goes_on_when_it_is_back(
    file_server: fuse.Mounted, tmp_path: Path
) -> None:
    with server(tmp_path, file_server.path, timeout=3.0).running() as service:
        file_server.behave("hang")
        hangs = (503, {"refusal": "the file server does not answer; please try again in a few minutes"})
        # More than it works on at a time, and one name twice.
        names = [*(f"guest{number}" for number in range(20)), "guest0"]
        replies: list[object] = []
        asking = [threading.Thread(target=lambda name=name: replies.append(service.ask(guest(name)))) for name in names]
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        assert replies == [hangs] * len(names)
        assert service._listens()
        file_server.behave("well")
        for each_guest in map(guest, names):
            until(partial(_is_served, service, each_guest), 60, f"{each_guest['name']}, whom what hung kept waiting")
