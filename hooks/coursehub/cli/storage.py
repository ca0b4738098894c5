"""`coursehub storage`: the shared volume, as root on the host that has it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from coursehub import layout, pins, protocol, terminal
from coursehub.config.settings import Settings
from coursehub.errors import Refused
from coursehub.storage import people as lists
from coursehub.storage import usage as disk
from coursehub.storage.course import CourseTree
from coursehub.storage.volume import Volume
from coursehub.storage.volume import ensure as make

from . import doors, options, ownership, volume
from .common import FINE, PROBLEMS, reason, say, site_and_courses, warn
from .person import find


@click.group("storage", cls=options.Verbs, short_help="Prepare the shared volume.")
def command() -> None:
    """Prepare the shared volume."""


command.add_command(doors.door)
command.add_command(doors.serve)
command.add_command(ownership.rename)
command.add_command(ownership.regroup)


@command.command(
    "ensure",
    short_help="Make the homes and course directories that are missing.",
    example="coursehub storage ensure --root /export --site values/SITE.yaml values/courses.yaml",
)
@options.root
@options.site
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="NAME",
    help="Also the home of this person, who is asked for where the site's people are; can be given more than once.",
)
@options.dry_run
@options.courses
def ensure(root: Path, sites: Sequence[Path], users: Sequence[str], dry_run: bool, courses: Sequence[Path]) -> int:
    """Make what is missing and correct owners and modes; say each change.

    Homes are those of the people whom the values list (the provider `file`), and of each --user, whom the site's
    provider is asked about. A home of another uid or name, or a course of another gid, is named and left as it is; the
    others are made. Run it as root on the host that has the volume, once again after each new person or course.
    """
    site, loaded = site_and_courses(sites, courses)
    mounted = volume.mounted(root)
    refused: list[Refused] = []
    trees = list(_held(mounted.root, volume.trees(site, loaded.catalog), refused))
    corrected = set()
    for change in make(mounted.root, _entries(mounted.root, site, trees, refused), dry_run=dry_run):
        terminal.out(change)
        corrected |= {change.path} if change.what == "correct" else set()
    for refusal in refused:
        warn(refusal)
    for tree in trees:
        # Closed or opened with this run; a walk through every course at each run would be long.
        if layout.course_files(tree.slug) in corrected:
            for below in volume.close_or_open(mounted, tree, dry_run=dry_run):
                terminal.out(below)
    code = max([PROBLEMS if refused else FINE, *(_home(mounted, site, name, dry_run=dry_run) for name in users)])
    homes = mounted.people()
    for tree in trees:
        for change in lists.update(mounted.root, tree.slug, homes, tree.people, dry_run=dry_run):
            terminal.out(change)
    return code


def _held(root: Path, trees: Iterable[CourseTree], refused: list[Refused]) -> Iterator[CourseTree]:
    """Those that no other gid has on the volume; why one is left out is added to `refused`."""
    for tree in trees:
        try:
            pins.hold_course(root, tree.slug, tree.gid)
        except Refused as refusal:
            refused.append(refusal)
        else:
            yield tree


def _entries(
    root: Path, site: Settings, trees: Iterable[CourseTree], refused: list[Refused]
) -> Iterator[layout.TreeEntry]:
    """What is to be there; a home that is pinned to somebody else is left out, and why is added to `refused`."""
    homes = pins.Homes(pins.homes(root))
    for name, (uid, gid) in volume.people(site).items():
        try:
            homes.hold(name, uid)
        except Refused as refusal:
            refused.append(refusal)
            continue
        homes.add(pins.Home(layout.home(uid, name), name, uid))
        yield from layout.home_tree(uid, gid, name)
    for tree in trees:
        yield from tree.entries


def _home(mounted: Volume, site: Settings, name: str, *, dry_run: bool) -> int:
    """The exit code: one who cannot have a home keeps nobody else from theirs."""
    try:
        if site.identity.provider == "authState":
            raise Refused(
                "uid and gid come with the login, and only the hub has them; let it ask for homes itself, by "
                "storage.provisioner (docs/admins/storage.md, Which door)"
            )
        person = asyncio.run(find(site, name)).person
        for change in mounted.home(name, person.uid, person.gid, dry_run=dry_run):
            terminal.out(change)
    except Refused as refusal:
        warn(f"{name}: {refusal}")
        return PROBLEMS
    except OSError as error:
        warn(f"{name}: {reason(error)}")
        return PROBLEMS
    return FINE


@command.command(
    "quota",
    short_help="Set the limits on homes and courses.",
    example="coursehub storage quota --root /export --site values/SITE.yaml values/courses.yaml",
)
@options.root
@options.site
@options.dry_run
@options.as_json
@options.courses
def quota(root: Path, sites: Sequence[Path], dry_run: bool, as_json: bool, courses: Sequence[Path]) -> int:
    """Set the file system's own limits on homes and courses, as the site's `quotas` have them; say each change.

    Run it as root on the host that has the volume. Exit 0: set, 1: this file system has none.
    """
    site, loaded = site_and_courses(sites, courses)
    quotas = site.quotas
    unknown = sorted(set(quotas.courses) - set(loaded.catalog.courses))
    if unknown:
        raise Refused(f"quotas.courses has {', '.join(unknown)}, and the course files do not; take it out there")
    of_people = {name: limit.over(quotas.home) for name, limit in quotas.people.items()}
    mounted = volume.mounted(root)
    limits: list[protocol.LimitChange] = []
    refused: list[Refused] = []
    of_courses = [
        (tree.slug, tree.gid, quotas.courses.get(tree.slug, quotas.course).over(quotas.course))
        for tree in _held(mounted.root, volume.trees(site, loaded.catalog), refused)
    ]
    for some in (
        disk.limit_homes(mounted, of_people, quotas.home.over(quotas.home), dry_run=dry_run),
        disk.limit_courses(mounted, of_courses, dry_run=dry_run),
    ):
        try:
            limits += some
        except Refused as refusal:
            # Homes can have limits where courses cannot.
            refused.append(refusal)
    answer = {"limits": [asdict(limit) for limit in limits], "refused": list(map(str, refused))}
    say(answer, map(str, limits), as_json=as_json)
    for sentence in refused:
        warn(sentence)
    return PROBLEMS if refused else FINE


@command.command(
    "usage",
    short_help="Say what each home and course takes.",
    example="coursehub storage usage --root /export",
)
@options.root
@options.as_json
def usage(root: Path, as_json: bool) -> int:
    """Say what each home and course takes, as the file system counts, or by a walk.

    Run it as root on the host that has the volume.
    """
    uses = list(disk.usage(volume.mounted(root)))
    lines = (f"{_gib(use.size):>10}  {use.files:>9} files  {use.path}{_limit(use)}" for use in uses)
    say([asdict(use) for use in uses], lines, as_json=as_json)
    return FINE


def _limit(use: protocol.Usage) -> str:
    size, files = use.limit.size, use.limit.files
    limit = ", ".join(([_gib(size)] if size else []) + ([f"{files} files"] if files else []))
    return f"  of {limit}" if limit else ""


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


@command.command(
    "people",
    short_help="List everyone with a home, as name:uid.",
    example="coursehub storage people --root /export",
)
@options.root
@options.as_json
def people(root: Path, as_json: bool) -> int:
    """List everyone with a home, as name:uid. A home in another's folder is left out.

    Run it as root on the host that has the volume.
    """
    tenants = volume.mounted(root).people()
    say([asdict(tenant) for tenant in tenants], (f"{tenant.name}:{tenant.uid}" for tenant in tenants), as_json=as_json)
    return FINE
