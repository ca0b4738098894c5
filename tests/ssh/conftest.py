"""One sshd for all tests, and a fresh volume behind its door for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.sshd import Sshd, serve


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serve(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest.fixture
def sshd(running: Sshd) -> Sshd:
    shutil.rmtree(running.volume)
    running.volume.mkdir(mode=0o755)
    Path(running.folder, "seen.json").unlink(missing_ok=True)
    return running
