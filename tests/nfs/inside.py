"""What the tests have done inside the machine, beside Python's own functions."""

import asyncio
import http.client
import io
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from coursehub import layout
from coursehub.cli import main
from coursehub.errors import Refused
from coursehub.layout import TreeEntry
from coursehub.storage.share import Share
from coursehub.storage.volume import Volume, ensure

from ci.nfs import pod
from ci.nfs.pod import Pod
from tests.nfs import hub

CHUNK = 65536
WORKER = "/run/nbgrader"


def provision(root: Path, tree: Sequence[TreeEntry]) -> list[str]:
    """The changes that the provisioner says."""
    return [str(change) for change in ensure(root, tree)]


def described(root: Path, paths: Sequence[str]) -> list[str]:
    """Mode, owner and group of each path, as `2770 0:70101 course/x/files`."""
    return [_described(root / path, path) for path in paths]


def _described(path: Path, name: str) -> str:
    found = path.lstat()
    return f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid} {name}"


def everything(root: Path) -> list[str]:
    """All that is below a folder, described."""
    return described(root, sorted(str(path.relative_to(root)) for path in root.rglob("*")))


def entered(root: Path, gids: Sequence[int]) -> list[int]:
    """The gids whose folder lets this process in."""
    found = []
    for gid in gids:
        with suppress(PermissionError):
            os.listdir(root / str(gid))
            found.append(gid)
    return found


def command(folder: Path, files: Mapping[str, str], arguments: Sequence[str], send: str = "") -> tuple[int, str, str]:
    """The exit code of `coursehub arguments`, in a folder with these files, and what it says."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    os.chdir(folder)
    sys.stdin = io.TextIOWrapper(io.BytesIO(send.encode()))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main.main(arguments)
    return code, out.getvalue(), err.getvalue()


def trial(root: Path) -> None:
    """What the door in the cluster does before it serves."""
    Volume(root).trial()


def fill(path: Path, size: int) -> int:
    """Writes so many bytes as far as that works, and says how many arrived; OSError where the last did not."""
    with path.open("wb") as file:
        for _ in range(size // CHUNK):
            file.write(b"x" * CHUNK)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size


def many(folder: Path, count: int) -> None:
    """Makes so many files."""
    for number in range(count):
        (folder / str(number)).touch()


def check(
    root: Path,
    home: str,
    uid: int,
    others: Sequence[str],
    timeout: float = 30.0,
    course: tuple[str, int] | None = None,
) -> None:
    """The hub's look before it starts a server."""
    asyncio.run(Share(root, timeout).check(home, uid, others, course))


def homes(root: Path, uids: Sequence[int]) -> None:
    """Homes of so many people, as the storage host makes them."""
    for uid in uids:
        list(ensure(root, tuple(layout.home_tree(uid, uid, f"person{uid}"))))


def round_trips(mount: Path) -> int:
    """How many requests the client has sent to the server for what is mounted there."""
    _, _, section = Path("/proc/self/mountstats").read_text().partition(f" mounted on {mount} ")
    _, _, operations = section.partition("\ndevice ")[0].partition("per-op statistics")
    return sum(int(line.split()[1]) for line in operations.splitlines() if ":" in line)


def check_many(root: Path, home: str, uid: int, count: int, timeout: float) -> tuple[set[str], float]:
    """What so many people who come at once are told, and after how many seconds the last is."""

    async def told(share: Share) -> str:
        try:
            await share.check(home, uid, ())
        except Refused as refusal:
            return str(refusal)
        return "started"

    async def all_told() -> set[str]:
        share = Share(root, timeout)
        return set(await asyncio.gather(*(told(share) for _ in range(count))))

    begin = time.monotonic()
    return asyncio.run(all_told()), time.monotonic() - begin


def start_nbgrader(worker: str) -> None:
    """nbgrader's process, which `ask` then asks; it takes a while until it answers."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(WORKER)
    listening.listen()
    outside = os.open("/", os.O_RDONLY)
    subprocess.Popen(
        ["chroot", str(pod.IMAGE), "python3", "-c", worker, str(listening.fileno()), str(outside)],
        env={"PATH": pod.PATH},
        pass_fds=[listening.fileno(), outside],
        start_new_session=True,
    )


def ask(requests: Sequence[tuple[Pod, Sequence[str]]]) -> list[tuple[int, str]]:
    """The exit code of each pod's `nbgrader ...` and what it said; all at the same time."""
    connections = []
    for where, words in requests:
        who = where.identity
        request = {
            "root": str(where.root),
            "uid": who.uid,
            "gids": [who.gid, *who.groups],
            "umask": who.umask,
            "environment": where.environment,
            "folder": "/course" if (where.root / "course").exists() else where.home,
            "words": words,
        }
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(WORKER)
        connection.sendall(json.dumps(request).encode() + b"\n")
        connections.append(connection)
    answers = []
    for connection in connections:
        with connection, connection.makefile("rb") as reading:
            said, _, code = reading.read().rpartition(b"\0")
        answers.append((int(code), said.decode(errors="replace")))
    return answers


def owned_by(root: Path, uid: int) -> list[str]:
    """All below a folder that is somebody's."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.lstat().st_uid == uid)


def attacked(root: Path, paths: Sequence[str], but: Sequence[str] = ()) -> list[str]:
    """What worked of all that somebody might try on files and folders that are not theirs; `but` is not tried."""
    inbound = root / "exchange/python-intro/inbound"
    (inbound / "planted").mkdir(exist_ok=True)
    tries: dict[str, Callable[[Path], object]] = {
        "list": os.listdir,
        "read": Path.read_bytes,
        "overwrite": lambda path: path.open("r+b").close(),
        "make": lambda path: (path / "new").mkdir(),
        "open up": lambda path: path.chmod(0o777),
        "second name": lambda path: os.link(path, inbound / "planted/second"),
        "rename": lambda path: path.rename(path.with_name("renamed")),
        "replace": lambda path: (inbound / "planted").rename(path),
        "remove": Path.unlink,
        "remove folder": Path.rmdir,
    }
    worked = []
    for path in paths:
        for name in sorted(tries.keys() - set(but)):
            with suppress(OSError):
                tries[name](root / path)
                worked.append(f"{name} {path}")
    return worked


def cut_off(gradebook: Path, statement: str) -> int:
    """The signal of which a writer ends with half of the statement in the file; it writes as the image's does."""
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(gradebook, isolation_level=None)
        for each in ("PRAGMA journal_mode = PERSIST", "PRAGMA cache_size = 1", "BEGIN", statement):
            connection.execute(each)
        os.kill(os.getpid(), signal.SIGKILL)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def changed(gradebook: Path, statement: str) -> None:
    """The statement is carried out."""
    with sqlite3.connect(gradebook) as connection:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute(statement)


def fill_up(path: Path) -> int:
    """Writes until not one block is left, and says how many bytes arrived; OSError where the first does not."""
    held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_SYNC, 0o600)
    try:
        for size in (CHUNK, 1024):
            with suppress(OSError):
                while os.write(held, b"x" * size):
                    pass
        return os.fstat(held).st_size
    finally:
        with suppress(OSError):
            os.close(held)


def serve_hub(name: str) -> int:
    """The pid of a hub that knows this person."""
    return subprocess.Popen([sys.executable, "-m", hub.__name__, name], start_new_session=True).pid


def asked(name: str, path: str, method: str = "GET", body: object = None) -> tuple[int, str]:
    """The status and text that the person's server answers with, once it does."""
    headers = {"Authorization": f"token {hub.TOKEN}", "Content-Type": "application/json"}
    while True:  # the call has an end
        connection = http.client.HTTPConnection("127.0.0.1", hub.SERVER_PORT)
        with suppress(ConnectionRefusedError):
            connection.request(method, f"/user/{name}/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        time.sleep(0.5)


def pages(folder: Path) -> list[str]:
    """The pages of feedback below a folder."""
    return [path.read_text() for path in sorted(folder.rglob("*.html"))]
