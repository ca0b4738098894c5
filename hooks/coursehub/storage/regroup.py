"""Gives the directories of a course, and what is in them, another group: the one way in which a course's pin changes.

What pins is changed last, so a run that was cut off is completed by the next.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from coursehub import layout, pins
from coursehub.errors import Refused
from coursehub.names import is_slug
from coursehub.protocol import EntryChange

from . import ownership
from .ownership import Given, Progress
from .volume import Volume


def regroup(volume: Volume, slug: str, gid: int, *, dry_run: bool, progress: Progress) -> Iterator[Given | EntryChange]:
    """Gives to `gid` what has the course's group now; yields each step, and nothing where the course has it.

    Raises Refused, with nothing changed, where the group is another course's or is in somebody's home.
    """
    root = volume.root
    old = pins.gid_of(root, slug)
    if old is None:
        raise Refused(
            f"course '{slug}' has no directories here; look at the slug (`coursehub course create` makes a new one's)"
        )
    if old == gid:
        return
    for other in filter(is_slug, os.listdir(root / "course")):
        if other != slug and pins.gid_of(root, other) == gid:
            raise Refused(f"group {gid} is course '{other}''s: whoever is in one would be in both; take another")
    for tenant in volume.people():
        if tenant.gid == gid:
            raise Refused(f"group {gid} is the one of {tenant.name}'s home, who would be an instructor; take another")

    def owner(found: os.stat_result) -> tuple[int, int]:
        return found.st_uid, gid if found.st_gid == old else found.st_gid

    tops = _tops(root, slug)
    yield from ownership.give_below(root, tops, owner, f"group {gid}", dry_run=dry_run, progress=progress)
    for top in tops:
        if not dry_run:
            ownership.give(root, top, owner)
        yield EntryChange(top, "correct", f"group {gid}", done=not dry_run)


def _tops(root: Path, slug: str) -> list[str]:
    """The course's directories; by the last of them it is pinned."""
    last = (layout.exchange(slug), layout.course_files(slug))
    found = {*last}
    with suppress(FileNotFoundError):
        found |= {f"course/{slug}/{name}" for name in os.listdir(root / f"course/{slug}")}
    there = (top for top in found if (root / top).is_dir() and not (root / top).is_symlink())
    return sorted(there, key=lambda top: (last.index(top) if top in last else -1, top))
