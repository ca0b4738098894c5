"""What the tests have done inside the machine, beside Python's own functions."""

import asyncio
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from coursehub.errors import Refused
from coursehub.storage import Entry, Share
from coursehub.volume import ensure


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
