"""Programs of a node: started once, found again by pid, restarted when what they run on changed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ci.cluster import cgroup
from ci.cluster.nodes import Node
from ci.cluster.problem import Problem
from ci.cluster.steps import tail, wait_until


@dataclass(frozen=True)
class Program:
    """One program, all that it reads, and how to see that it works."""

    name: str
    command: tuple[str, ...]
    works: Callable[[], bool]
    files: Mapping[Path, str] = field(default_factory=dict)
    ports: tuple[tuple[str, int], ...] = ()
    path: str = os.defpath

    def digest(self) -> str:
        """Changes with what the program runs on."""
        files = {str(path): text for path, text in self.files.items()}
        return hashlib.sha256(json.dumps([self.command, files, self.path]).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """A started process: the pid alone could be somebody else's by now."""

    pid: int
    started: int
    boot: str
    digest: str
    command: tuple[str, ...]

    def runs(self) -> bool:
        """Is it still that process?"""
        return self.started != 0 and self.boot == boot() and started(self.pid) == self.started


def record(node: Node, name: str) -> Record | None:
    """What was last started under the name, if it still runs."""
    try:
        known = json.loads((node.run / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    found = Record(**{**known, "command": tuple(known["command"])})
    return found if found.runs() else None


def ensure(node: Node, program: Program) -> None:
    """Let the program run as it is now; wait_for tells when it works."""
    running = record(node, program.name)
    if running is not None:
        if running.digest == program.digest():
            return
        stop(running)
    node.logs.mkdir(parents=True, exist_ok=True)
    node.run.mkdir(mode=0o711, exist_ok=True)
    for path, text in program.files.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
    log = node.logs / f"{program.name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.old"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            program.command,
            cwd="/",
            env={"PATH": program.path, "HOME": "/root", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o022,
            preexec_fn=partial(cgroup.join, node.group),
        )
    new = Record(process.pid, started(process.pid), boot(), program.digest(), program.command)
    file = node.run / f"{program.name}.json"
    file.with_suffix(".new").write_text(json.dumps(vars(new)))
    file.with_suffix(".new").replace(file)


def wait_for(node: Node, program: Program, seconds: float = 120) -> None:
    """Until it works; a Problem with the end of its log if it does not."""
    wait_until(lambda: program.works() or record(node, program.name) is None, seconds)
    if record(node, program.name) is None:
        raise Problem(f"{program.name} ended right after its start. Its log says:\n{_log(node, program)}")
    if not program.works():
        raise Problem(f"{program.name} does not answer after {seconds:.0f} s. Its log says:\n{_log(node, program)}")


def stop(running: Record, seconds: float = 10) -> None:
    """Ask the process to end, and make it after a while."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        if running.runs():
            os.kill(running.pid, request)
        if wait_until(lambda: not running.runs(), seconds):
            return
    raise Problem(f"process {running.pid} ({running.command[0]}) does not end")


def started(pid: int) -> int:
    """When the process began, in ticks since boot; 0 if there is none (or only its shell, waiting for its parent)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def boot() -> str:
    """The kernel's name for the time since the machine started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _log(node: Node, program: Program) -> str:
    return tail((node.logs / f"{program.name}.log").read_text(errors="replace"))
