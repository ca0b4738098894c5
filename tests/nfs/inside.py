"""What the tests have done inside the machine, beside Python's own functions."""

import asyncio
import io
import os
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from coursehub import cli
from coursehub.errors import Refused
from coursehub.storage import Entry, Share
from coursehub.volume import Volume, ensure

CHUNK = 65536


def provision(root: Path, tree: Sequence[Entry]) -> list[str]:
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
        code = cli.main(arguments)
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


def check(root: Path, home: str, uid: int, others: Sequence[str], timeout: float = 30.0) -> None:
    """The hub's look before it starts a server."""
    asyncio.run(Share(root, timeout).check(home, uid, others))


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
