"""The running machine, as the host sees it: a place where functions can be called."""

import os
import pickle
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from ci.cluster.problem import Problem
from ci.cluster.steps import tail
from ci.nfs.agent import Call, Identity, Outcome, framed, receive
from ci.nfs.disk import Disk

# Software emulation on a busy machine: nothing here waits that long when all is well.
BOOT = 240.0
CALL = 240.0
GRACE = 60.0
# Linux patches its own code while it boots, and now and then the emulated processors then see half of it.
BOOTS = 3

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """A booted machine."""

    _process: subprocess.Popen[bytes]
    _line: socket.socket
    _console: IO[bytes]

    def call(self, who: Identity, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns or raises there: one of Python's own, or of a module that the machine carries."""
        outcome: Outcome = pickle.loads(  # noqa: S301 (the machine runs what this host gave it)
            self._exchange(framed(pickle.dumps(Call(who, function, args, kwargs, CALL))), CALL + GRACE)
        )
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def wait(self) -> None:
        """Until the machine has booted."""
        self._exchange(b"", BOOT)

    def _exchange(self, message: bytes, seconds: float) -> bytes:
        try:
            self._line.settimeout(seconds)
            self._line.sendall(message)
            answer = receive(self._line.recv)
        except OSError:
            answer = None
        except BaseException:
            self._process.terminate()  # the answer to an interrupted call would be taken for the next one's
            raise
        if answer is None:
            self._process.terminate()
            console = os.pread(self._console.fileno(), 1 << 20, 0).decode(errors="replace")
            raise Problem(f"the virtual machine does not answer. Its console says:\n{tail(console, 40)}")
        return answer


@contextmanager
def boot(disk: Disk, carried: Mapping[str, Path], further: Sequence[Path] = ()) -> Iterator[Machine]:
    """A machine with the carried files, by their names in it, and further disks to read; it is shut down at the end."""
    with tempfile.TemporaryFile() as luggage:
        with tarfile.open(fileobj=luggage, mode="w") as tar:
            for name, path in carried.items():
                tar.add(path, name, filter=lambda entry: None if entry.name.endswith("__pycache__") else entry)
        luggage.flush()
        for further_tries in reversed(range(BOOTS)):
            with _running(disk, further, luggage.fileno()) as machine:
                try:
                    machine.wait()
                except Problem:
                    if further_tries:
                        continue
                    raise
                yield machine
                return


@contextmanager
def _running(disk: Disk, further: Sequence[Path], luggage: int) -> Iterator[Machine]:
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as console, ours:
        with theirs:
            process = subprocess.Popen(
                _command(disk, further, luggage, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=[luggage, theirs.fileno()],
                start_new_session=True,  # so that Ctrl-C reaches the tests, which then end the machine
            )
        try:
            yield Machine(process, ours, console)
        finally:
            ours.close()  # tells the agent to power off
            _wait(process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Problem(f"the virtual machine did not power off within {GRACE:.0f} s and was ended") from None


def _command(disk: Disk, further: Sequence[Path], luggage: int, line: int) -> list[str]:
    return [
        *("setpriv", "--pdeathsig=KILL"),  # no machine outlives the tests, even where those are killed
        "qemu-system-x86_64",
        *("-accel", "tcg,thread=multi"),
        *("-cpu", "max"),
        *("-smp", "2"),
        *("-m", "2048"),
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        *("-display", "none"),
        *("-serial", "stdio"),
        *("-kernel", str(disk.kernel)),
        *("-append", "root=/dev/nvme0n1 rw console=ttyS0 quiet panic=-1 mitigations=off"),
        # Debian's kernel has NVMe and ext4 built in, so it boots without an initial ram disk: twice as fast.
        *("-drive", f"file={disk.root},format=raw,if=none,id=root,snapshot=on"),
        *("-device", "nvme,drive=root,serial=root"),
        *("-drive", f"file=/dev/fd/{luggage},format=raw,if=virtio,readonly=on"),
        *(word for path in further for word in ("-drive", f"file={path},format=raw,if=virtio,readonly=on")),
        *("-chardev", f"socket,id=line,fd={line}"),
        *("-device", "virtio-serial"),
        *("-device", "virtserialport,chardev=line"),
    ]
