"""Runs inside the machine: does what the host asks, each call in a process of its own and as whom the host says.

Calls, values and exceptions travel as pickles, so a test gets the very exception that was raised in the machine.
"""

import os
import pickle
import select
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORT = "/dev/vport0p1"
HEADER = struct.Struct("!I")


@dataclass(frozen=True)
class Identity:
    """As whom a process runs; `groups` are the supplementary ones."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    umask: int = 0o022


ROOT = Identity(0, 0)


@dataclass(frozen=True)
class Call:
    """What to do, as whom, and after how many seconds to give up."""

    identity: Identity
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    timeout: float


@dataclass(frozen=True)
class Outcome:
    """How a call ended: with a value, or with an exception."""

    value: Any = None
    error: BaseException | None = None


def framed(message: bytes) -> bytes:
    """The message with its length before it."""
    return HEADER.pack(len(message)) + message


def receive(read: Callable[[int], bytes]) -> bytes | None:
    """The next message; None where the other side is gone."""
    header = _exactly(read, HEADER.size)
    return header and _exactly(read, HEADER.unpack(header)[0])


def _exactly(read: Callable[[int], bytes], size: int) -> bytes | None:
    parts = []
    while size:
        part = read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def answer(message: bytes) -> bytes:
    """The pickled outcome of a pickled call."""
    try:
        call: Call = pickle.loads(message)  # noqa: S301 (the host is this machine's maker)
    except Exception as error:  # noqa: BLE001 (a name that cannot be imported here is the caller's to see)
        return pickle.dumps(Outcome(error=error))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _write(writer, _outcome(call))
        os._exit(0)  # without waiting for threads, which a stopped server may hold
    os.close(writer)
    with open(reader, "rb") as pipe:
        in_time = bool(select.select([pipe], [], [], call.timeout)[0])
        if not in_time:
            os.kill(child, signal.SIGKILL)
        outcome = pipe.read()
    os.waitpid(child, 0)
    if not in_time:
        return pickle.dumps(Outcome(error=TimeoutError(f"{call.function} did not end within {call.timeout:.0f} s")))
    return outcome or pickle.dumps(Outcome(error=RuntimeError(f"{call.function} ended without an outcome")))


def _outcome(call: Call) -> bytes:
    try:
        os.umask(call.identity.umask)
        os.setgroups(call.identity.groups)
        os.setgid(call.identity.gid)
        os.setuid(call.identity.uid)
        return pickle.dumps(Outcome(call.function(*call.args, **call.kwargs)))
    except BaseException as error:  # noqa: BLE001 (raised again on the host)
        error.add_note(f"Raised in the machine, as {call.identity}:\n{traceback.format_exc()}")
        return pickle.dumps(Outcome(error=error))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def main() -> None:
    """Serve until the host goes away, then end the machine."""
    # What is carried is found also by what imports it later, from another folder.
    sys.path.insert(0, os.getcwd())
    port = os.open(PORT, os.O_RDWR)
    _write(port, framed(b""))
    while message := receive(lambda size: os.read(port, size)):
        _write(port, framed(answer(message)))
    os.sync()
    Path("/proc/sysrq-trigger").write_text("o")  # power off
    signal.pause()
