"""The shared volume as it is mounted here, and what the site's files want on it."""

import os
from collections.abc import Iterator
from pathlib import Path

from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.storage import archive
from coursehub.storage.archive import Below
from coursehub.storage.course import CourseTree
from coursehub.storage.volume import Volume

from .common import today


def mounted(root: Path) -> Volume:
    """The volume at `root`; what this process makes from now on is its owner's alone."""
    if not root.is_dir():
        raise Refused(f"{root} is no directory; mount the volume there first")
    os.umask(0o077)
    return Volume(root)


def trees(site: Settings, catalog: Catalog) -> list[CourseTree]:
    """The directories of each course that has some."""
    day = today(site)
    return [
        CourseTree(course.slug, course.gid, course.data, course.is_archived(day), frozenset(_listed(course, site)))
        for course in catalog.courses.values()
        if course.gid is not None
    ]


def tree(site: Settings, catalog: Catalog, slug: str) -> CourseTree:
    """The directories of one course; Refused where it has none."""
    for found in trees(site, catalog):
        if found.slug == slug:
            return found
    if slug in catalog.courses:
        raise Refused(f"course '{slug}' has no gid, so it has no directories; nothing is to be done")
    raise Refused(f"no course file has a course {slug!r}")


def _listed(course: Course, site: Settings) -> Iterator[str]:
    """Whom the course's file lists, and the members of its groups where the values have them."""
    entries = {*course.instructors, *(() if course.public else course.students)}
    yield from (entry for entry in entries if not entry.startswith("@"))
    if site.identity.provider == "file":
        known = site.identity.file
        groups = {name for name, gid in known.groups.items() if f"@{name}" in entries or gid == course.gid}
        yield from (name for name, person in known.people.items() if groups & set(person.groups))


def people(site: Settings) -> dict[str, tuple[int, int]]:
    """Uid and gid of the people whom the values list, by name."""
    listed = site.identity.file.people if site.identity.provider == "file" else {}
    return {name: (person.uid, person.gid) for name, person in listed.items()}


def close_or_open(volume: Volume, course: CourseTree, *, dry_run: bool) -> list[Below]:
    """What is in the directories of a course follows them: closed where it is archived, else open again."""
    walked = (archive.below(volume.root, top, archived=course.archived, dry_run=dry_run) for top in course.tops)
    return [below for below in walked if below.count or below.left]
