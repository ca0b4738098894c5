"""Mounts under the state folder: found, and taken off."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


def under(folder: Path, mountinfo: str | None = None) -> list[Path]:
    """The mount points in the folder, itself included, the last made first."""
    text = MOUNTINFO.read_text() if mountinfo is None else mountinfo
    points = [Path(_unescape(line.split()[4])) for line in text.splitlines()]
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def remove(folder: Path) -> None:
    """Unmount all in the folder."""
    while points := under(folder):
        subprocess.run(["umount", "--lazy", "--no-mtab", *map(str, points)], check=True, capture_output=True)


def _unescape(field: str) -> str:
    """The kernel writes a space as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
