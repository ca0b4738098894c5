"""The people of a course: names and uids, in a list that those who teach it read and root alone writes.

It holds who has started a server of the course, who has something in its inbound, and whom its file lists by name.
Nothing that an instructor can write puts a name there, and each line is of somebody with a home of that name and uid.
"""

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from coursehub import layout
from coursehub.errors import Refused
from coursehub.protocol import EntryChange, Tenant

from . import openat, submissions

_WRITING = Lock()


def enter(root: Path, slug: str, person: Tenant, *, dry_run: bool = False) -> list[EntryChange]:
    """Adds somebody whose home is known to be theirs; raises Refused where the course has no list.

    Another door that writes in the same moment can win; the next start of the person mends that.
    """
    with _WRITING:
        found = _read(root, slug, dry_run=dry_run)
        others = (each for each in found if each.name != person.name and each.uid != person.uid)
        return _written(root, slug, found, {*others, person}, dry_run=dry_run)


def rename(root: Path, slug: str, old: str, person: Tenant, *, dry_run: bool = False) -> list[EntryChange]:
    """Lists somebody whose home is known to be theirs in the place of whoever has the old name, or their uid, if any.

    Raises Refused where the course has no list.
    """
    with _WRITING:
        found = _read(root, slug, dry_run=dry_run)
        theirs = {each for each in found if each.name == old or each.uid == person.uid}
        namesakes = {each for each in found if each.name == person.name}
        wanted = found - theirs - namesakes | {person} if theirs else found
        return _written(root, slug, found, wanted, dry_run=dry_run)


def update(
    root: Path, slug: str, homes: Iterable[Tenant], listed: Collection[str] = (), *, dry_run: bool = False
) -> list[EntryChange]:
    """Brings the list up to date, where `homes` are all that there are and `listed` the names in the course's file.

    Who is in it stays while their uid has a home, by the name of that; a name or uid with several homes brings nobody
    in. Raises Refused where the course has no list.
    """
    owners, homes = submissions.owners(root, slug), tuple(homes)
    seen = Counter(key for each in homes for key in (each.name, each.uid))
    alone = {each for each in homes if seen[each.name] == seen[each.uid] == 1}
    with _WRITING:
        found = _read(root, slug, dry_run=dry_run)
        uids = owners | {each.uid for each in found}
        wanted = found.intersection(homes) | {each for each in alone if each.uid in uids or each.name in listed}
        return _written(root, slug, found, wanted, dry_run=dry_run)


def _read(root: Path, slug: str, *, dry_run: bool) -> set[Tenant]:
    try:
        with (
            openat.folder(root, layout.course_people(slug)) as parent,
            openat.entry(parent, Path(layout.people_list(slug)).name, stat.S_IFREG) as held,
            open(held, encoding="utf-8", errors="replace", closefd=False) as file,
        ):
            return set(_people(file.read()))
    except FileNotFoundError:
        if dry_run:
            # What makes it has only said so.
            return set()
        raise Refused(f"the course '{slug}' has no list of its people; make its directories first") from None


def _people(text: str) -> Iterator[Tenant]:
    for line in text.splitlines():
        # What somebody wrote into it by hand goes with the next change.
        with suppress(ValueError):
            yield Tenant.of(line)


def _written(root: Path, slug: str, found: set[Tenant], wanted: set[Tenant], *, dry_run: bool) -> list[EntryChange]:
    if wanted == found:
        return []
    path = layout.people_list(slug)
    if not dry_run:
        text = "".join(f"{each.line}\n" for each in sorted(wanted, key=lambda each: each.name))
        with openat.folder(root, layout.course_people(slug)) as parent:
            openat.write(parent, Path(path).name, text.encode(), 0o640, os.fstat(parent).st_gid)
    return [EntryChange(path, "correct", f"{len(wanted)} people", done=not dry_run)]
