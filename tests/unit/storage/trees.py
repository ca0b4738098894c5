"""Files of a tree, whose they are, and a machine that stops in the middle."""

import os
import stat
from pathlib import Path

import pytest


def write(path: Path, uid: int, gid: int | None = None) -> Path:
    """A file of somebody's, and the folders above it."""
    for above in reversed([each for each in path.parents if not each.exists()]):
        above.mkdir()
        os.chown(above, uid, uid if gid is None else gid)
    path.write_text("theirs")
    path.chmod(0o644)
    os.chown(path, uid, uid if gid is None else gid)
    return path


def owned(root: Path) -> dict[str, str]:
    """Everything on the volume but the lists of people and their parts, with its owner and mode."""
    return {
        str(path.relative_to(root)): f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid}"
        for path in sorted(root.rglob("*"))
        if (found := path.lstat()) and path.parent.name != "people"
    }


class Cut(Exception):
    """The machine stops here."""


def changes(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """After so many changes to the volume the next is not made."""
    left = [most]

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            if not left[0]:
                raise Cut
            left[0] -= 1
            return real(*arguments, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("chown", "fchown", "rename", "mkdir"):
        counted(name)


def copy(root: Path, to: Path) -> None:
    """The same tree, with its owners."""
    assert os.system(f"cp -a '{root}' '{to}'") == 0  # noqa: S605
