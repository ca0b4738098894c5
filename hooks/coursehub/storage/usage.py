"""What homes and courses take, and their limits: from the file system's quotas where it has them, else by a walk."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from coursehub import layout
from coursehub.errors import Refused
from coursehub.limits import Limit
from coursehub.names import is_slug
from coursehub.protocol import LimitChange, Usage

from . import openat, quota
from .quota import Count, Kind
from .volume import Volume

UNSUPPORTED = (
    "quotas are unsupported here: the file system at {} limits {}. They are set on the storage host, on ext4 or XFS "
    "that is mounted with {}, by Linux 5.14 or newer"
)


def usage(volume: Volume) -> Iterator[Usage]:
    """What each home takes, then what each course takes."""
    with openat.folder(volume.root) as root:
        kinds = quota.enforced(root)
        for tenant in volume.people():
            path = layout.home(tenant.uid, tenant.name)
            if Kind.USER in kinds:
                yield _counted(path, quota.get(root, Kind.USER, tenant.uid))
            else:
                yield _walked(volume.root, path, [path])
        for slug in _slugs(root):
            paths = [f"course/{slug}", layout.exchange(slug)]
            if (found := _course_count(volume.root, root, slug, kinds)) is not None:
                yield _counted(paths[0], found)
            else:
                yield _walked(volume.root, paths[0], paths)


def limit_homes(volume: Volume, limits: Mapping[str, Limit], usual: Limit, *, dry_run: bool) -> Iterator[LimitChange]:
    """Sets the user quota of everyone with a home: from `limits` by name, else `usual`. Refused without quotas."""
    if not usual and not any(limits.values()):
        return
    with openat.folder(volume.root) as root:
        if Kind.USER not in quota.enforced(root):
            raise Refused(UNSUPPORTED.format(volume.root, "no users", "usrquota"))
        for tenant in volume.people():
            wanted = limits.get(tenant.name, usual)
            if wanted and _differs(quota.get(root, Kind.USER, tenant.uid).limit, wanted):
                if not dry_run:
                    quota.limit(root, Kind.USER, tenant.uid, wanted)
                yield LimitChange(layout.home(tenant.uid, tenant.name), str(wanted), "user", not dry_run)


def limit_courses(volume: Volume, courses: Sequence[tuple[str, int, Limit]], *, dry_run: bool) -> Iterator[LimitChange]:
    """Sets the quota of each course (slug, gid, limit), by project, else by group; raises Refused without quotas."""
    if not any(limit for _, _, limit in courses):
        return
    with openat.folder(volume.root) as root:
        kinds = quota.enforced(root) & {Kind.PROJECT, Kind.GROUP}
        if not kinds:
            raise Refused(UNSUPPORTED.format(volume.root, "neither projects nor groups", "prjquota or grpquota"))
        kind = max(kinds)
        for slug, gid, wanted in courses:
            if not wanted:
                continue
            # The project's number is the course's gid, which no other course has.
            tops = (f"course/{slug}", layout.exchange(slug)) if kind is Kind.PROJECT else ()
            fresh = [top for top in tops if _put_in_project(volume.root, top, gid, dry_run=dry_run)]
            if fresh or _differs(quota.get(root, kind, gid).limit, wanted):
                if not dry_run:
                    quota.limit(root, kind, gid, wanted)
                yield LimitChange(f"course/{slug}", str(wanted), kind.name.lower(), not dry_run)


def _put_in_project(root: Path, path: str, number: int, *, dry_run: bool) -> bool:
    """Whether something was outside of the project. The top goes last, so that the next run completes one cut off."""
    try:
        with openat.folder(root, path) as top:
            if quota.project(top) == number:
                return False
            if not dry_run:
                for parent, _, name, found in openat.walk(top, path):
                    kind = stat.S_IFMT(found.st_mode) if found else 0
                    if kind in (stat.S_IFREG, stat.S_IFDIR):
                        with suppress(FileNotFoundError), openat.entry(parent, name, kind) as held:
                            quota.put_in_project(held, number, heritable=kind == stat.S_IFDIR)
                quota.put_in_project(top, number, heritable=True)
            return True
    except FileNotFoundError:
        raise Refused(f"{path} is not there; `coursehub course create` makes it") from None


def _differs(found: Limit, wanted: Limit) -> bool:
    # The file system keeps it in whole blocks.
    size = None if wanted.size is None else -(-wanted.size // 1024) * 1024
    return size not in (None, found.size) or wanted.files not in (None, found.files)


def _course_count(where: Path, root: int, slug: str, kinds: frozenset[Kind]) -> Count | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        with openat.folder(where, f"course/{slug}") as top:
            number = quota.project(top)
        if number and Kind.PROJECT in kinds:
            return quota.get(root, Kind.PROJECT, number)
        with openat.folder(where, layout.course_files(slug)) as files:
            if Kind.GROUP in kinds and Kind.PROJECT not in kinds:
                return quota.get(root, Kind.GROUP, os.fstat(files).st_gid)
    return None


def _counted(path: str, count: Count) -> Usage:
    return Usage(path, count.size, count.files, count.limit, "quota")


def _walked(root: Path, path: str, tops: Sequence[str]) -> Usage:
    size = files = 0
    for top in tops:
        with suppress(FileNotFoundError, NotADirectoryError), openat.folder(root, top) as held:
            size += os.fstat(held).st_blocks * 512
            files += 1
            for _, _, _, found in openat.walk(held, top):
                if found is not None:
                    # A file with several names counts once.
                    names = found.st_nlink if stat.S_ISREG(found.st_mode) else 1
                    size += found.st_blocks * 512 // names
                    files += 1
    return Usage(path, size, files, Limit(), "walk")


def _slugs(root: int) -> list[str]:
    try:
        held = openat.open_folder(root, "course")
    except FileNotFoundError:
        return []
    try:
        with os.scandir(held) as entries:
            return sorted(
                entry.name for entry in entries if is_slug(entry.name) and entry.is_dir(follow_symlinks=False)
            )
    finally:
        os.close(held)
