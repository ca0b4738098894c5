"""Each refusal says what is wrong and what to do."""

import os
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from ci.cluster import preflight
from ci.cluster.preflight import GIB
from ci.cluster.problem import Problem


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_only_root_may() -> None:
    preflight.root(0)
    with pytest.raises(Problem, match="needs root: run it with sudo"):
        preflight.root(1000)


def test_too_little_memory() -> None:
    preflight.memory("MemTotal: 9 kB\nMemAvailable:    8388608 kB\n")
    with pytest.raises(Problem, match=r"too little memory: 1\.0 GiB free, 4\.0 GiB needed"):
        preflight.memory("MemTotal: 8388608 kB\nMemAvailable:    1048576 kB\n")


def test_folders_on_one_disk_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * GIB, 90 * GIB, 10 * GIB))
    preflight.disk([(tmp_path / "state", 6 * GIB), (tmp_path / "cache" / "not" / "made", 4 * GIB)])
    with pytest.raises(Problem, match=r"10\.0 GiB free, 16\.0 GiB needed; .*COURSEHUB_CACHE"):
        preflight.disk([(tmp_path / "state", 6 * GIB), (tmp_path / "cache", 10 * GIB)])


def test_all_ports_in_use_are_named_at_once_with_what_uses_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        browser, other = one.getsockname()[1], two.getsockname()[1]
        with pytest.raises(Problem) as refused:
            preflight.ports([("forward", "127.0.0.1", browser), ("etcd", "127.0.0.1", other)], browser)
    first, second, remedy = str(refused.value).splitlines()
    assert first.startswith(f"port {browser} on 127.0.0.1 (for forward) is in use")
    assert first.endswith("; choose another with COURSEHUB_PORT=8001")
    assert second.startswith(f"port {other} on 127.0.0.1 (for etcd) is in use")
    if shutil.which("ss"):
        assert f"(pid {os.getpid()})" in second
    assert remedy == "End what uses the port, then run this again."
    preflight.ports([("forward", "127.0.0.1", browser)], browser)
