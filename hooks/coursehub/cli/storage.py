"""What `coursehub storage` and `coursehub course create|check|archive` do, as root on the host that has the volume."""

import asyncio
import grp
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from coursehub import layout, protocol
from coursehub.config.catalog import Catalog
from coursehub.config.settings import Settings
from coursehub.errors import CoursehubError, Refused
from coursehub.people.nss import NssProvider
from coursehub.person import Person
from coursehub.storage import archive as closing
from coursehub.storage import feedback, volume
from coursehub.storage import usage as accounting
from coursehub.storage.answer import answer
from coursehub.storage.check import COURSES, TOP, CourseTree, Inspector
from coursehub.storage.volume import Volume

from .common import FINE, PROBLEMS, find, say, site_and_courses, site_settings, today

_LOG = logging.getLogger(__name__)


def ensure(options: Namespace) -> int:
    """Makes the directories that people and courses need."""
    site, loaded = site_and_courses(options)
    where, trees = _volume(options), _trees(site, loaded.catalog)
    corrected = set()
    for change in volume.ensure(where.root, _tree(site, trees), dry_run=options.dry_run):
        print(change)
        corrected |= {change.path} if change.what == "correct" else set()
    for tree in trees:
        # Closed or opened with this run; a walk through every course at each run would be long.
        if layout.course_files(tree.slug) in corrected:
            for below in _below(where, tree, dry_run=options.dry_run):
                print(below)
    if not options.dry_run:
        for change in where.list_people():
            print(change)
    return max([_home(where, site, name, dry_run=options.dry_run) for name in options.user], default=FINE)


def _home(where: Volume, site: Settings, name: str, *, dry_run: bool) -> int:
    """The exit code: one who cannot have a home keeps nobody else from theirs."""
    try:
        if site.identity.provider == "authState":
            raise Refused(
                "uid and gid come with the login, and only the hub has them; let it ask for homes itself, by "
                "storage.provisioner (docs/admins.md, Directories)"
            )
        person = asyncio.run(find(site, name)).person
        for change in where.home(name, person.uid, person.gid, dry_run=dry_run):
            print(change)
    except Refused as refusal:
        print(f"coursehub: {name}: {refusal}", file=sys.stderr)
        return PROBLEMS
    except OSError as error:
        print(f"coursehub: {name}: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return PROBLEMS
    return FINE


def usage(options: Namespace) -> int:
    """Says what each home and course takes."""
    found = list(accounting.usage(_volume(options)))
    lines = (f"{_gib(each.size):>10}  {each.files:>9} files  {each.path}{_of(each)}" for each in found)
    say([asdict(each) for each in found], lines, as_json=options.json)
    return FINE


def quota(options: Namespace) -> int:
    """Sets the limits that the site's values have."""
    site, loaded = site_and_courses(options)
    quotas = site.quotas
    unknown = sorted(set(quotas.courses) - set(loaded.catalog.courses))
    if unknown:
        raise Refused(f"quotas.courses has {', '.join(unknown)}, and the course files do not; take it out there")
    people = {name: each.over(quotas.home) for name, each in quotas.people.items()}
    courses = [
        (tree.slug, tree.gid, quotas.courses.get(tree.slug, quotas.course).over(quotas.course))
        for tree in _trees(site, loaded.catalog)
    ]
    where, dry = _volume(options), options.dry_run
    said: list[protocol.LimitChange] = []
    refused: list[str] = []
    for limits in (
        accounting.limit_homes(where, people, quotas.home.over(quotas.home), dry_run=dry),
        accounting.limit_courses(where, courses, dry_run=dry),
    ):
        try:
            said += limits
        except Refused as refusal:
            # Homes can have limits where courses cannot.
            refused.append(str(refusal))
    said_as_json = {"limits": [asdict(each) for each in said], "refused": refused}
    say(said_as_json, map(str, said), as_json=options.json)
    for each in refused:
        print(f"coursehub: {each}", file=sys.stderr)
    return PROBLEMS if refused else FINE


def people(options: Namespace) -> int:
    """Lists everyone with a home, as name:uid."""
    found = _volume(options).people()
    say([asdict(each) for each in found], (f"{each.name}:{each.uid}" for each in found), as_json=options.json)
    return FINE


def push_feedback(options: Namespace) -> int:
    """Copies released feedback of a course into its students' homes, as those students."""
    if os.geteuid() != 0:
        raise Refused("run it as root on the host that has the volume; it acts as each student")
    done = []
    for each in feedback.push(_volume(options).root, options.slug, dry_run=options.dry_run):
        done.append(each)
        if not options.json:
            print(each)
    say([asdict(each) for each in done], (), as_json=options.json)
    return PROBLEMS if any(each.what == "failed" for each in done) else FINE


def create(options: Namespace) -> int:
    """Makes one course's directories, and says what is left to do."""
    return _course(options, archive=False)


def archive(options: Namespace) -> int:
    """Closes the directories of a course whose file says that it is archived."""
    return _course(options, archive=True)


def _course(options: Namespace, *, archive: bool) -> int:
    site, loaded = site_and_courses(options)
    tree = _one(site, loaded.catalog, options.slug)
    if archive and not tree.archived:
        raise Refused(
            f"course '{tree.slug}' is not archived in its file, so the next run would open it again; write "
            f"`archive: {today(site)}` there first, and let the hub have it"
        )
    where, dry = _volume(options), options.dry_run
    changes = where.course(tree.slug, tree.gid, tree.data, archived=tree.archived, dry_run=dry)
    below = _below(where, tree, dry_run=dry)
    left = [] if archive else list(_left_to_do(tree, site))
    said = {"changes": [asdict(each) for each in changes], "below": [asdict(each) for each in below], "left": left}
    say(said, map(str, (*changes, *below, *(f"still to do: {each}" for each in left))), as_json=options.json)
    return FINE


def _below(where: Volume, tree: CourseTree, *, dry_run: bool) -> list[closing.Below]:
    every = (closing.below(where.root, top, archived=tree.archived, dry_run=dry_run) for top in tree.tops)
    return [each for each in every if each.count or each.left]


def _left_to_do(tree: CourseTree, site: Settings) -> Iterator[str]:
    try:
        grp.getgrgid(tree.gid)
    except KeyError:
        yield f"no group has the gid {tree.gid} on this host; make one in the directory, with the instructors in it"
    if tree.archived:
        yield "the course is archived in its file, so its directories are closed"
    if site.quotas.courses.get(tree.slug, site.quotas.course).over(site.quotas.course):
        yield "its limit: coursehub storage quota"
    yield "let the hub have the course file: helm upgrade"


def check(options: Namespace) -> int:
    """Says what is wrong with the directories of a course, or of all, and repairs it where asked to."""
    site, loaded = site_and_courses(options)
    inspector = Inspector(_volume(options).root, repair=options.repair and not options.dry_run)
    findings = list(_found(inspector, options, site, loaded.catalog))
    seen, unseen = ([each for each in findings if each.seen is seen] for seen in (True, False))
    say([asdict(each) for each in findings], map(str, seen), as_json=options.json)
    if unseen:
        paths = ", ".join(each.path for each in unseen[:5]) + (f" and {len(unseen) - 5} more" if unseen[5:] else "")
        said = f"{paths} may not be looked at from here (root_squash, or you are not root); the storage host sees all"
        print(f"coursehub: {said}", file=sys.stderr)
    return PROBLEMS if any(not each.done for each in seen) else FINE


def _found(inspector: Inspector, options: Namespace, site: Settings, catalog: Catalog) -> Iterator[protocol.Fault]:
    trees = _trees(site, catalog) if options.all else [_one(site, catalog, options.slug)]
    yield from inspector.top(TOP if options.all else COURSES)
    for tree in trees:
        yield from inspector.course(tree)
    if options.all:
        yield from inspector.strangers({tree.slug for tree in trees})
        yield from inspector.homes(_listed(site))
        yield from inspector.people()


def door(options: Namespace) -> int:
    """Answers one request from standard input, for a forced command of ssh; nothing comes from a command line."""
    reply: protocol.Reply
    try:
        if os.environ.get("SSH_ORIGINAL_COMMAND", "request") not in ("", "request"):
            raise Refused("this key runs no commands; send one request, as JSON, on standard input")
        asked = protocol.parse(sys.stdin.buffer.readline(protocol.MOST + 1), minimum_uid=options.minimum_uid)
        if isinstance(asked, protocol.HomeRequest):
            _agree(asked, asyncio.run(_person(options, asked.name)))
        reply, code = answer(asked, _volume(options), dry_run=options.dry_run), FINE
    except CoursehubError as refusal:
        reply, code = protocol.RefusalReply(str(refusal)), PROBLEMS
    except OSError as error:
        why = f"the volume refused it: {error.filename or ''}: {error.strerror}"
        reply, code = protocol.RefusalReply(why), PROBLEMS
    print(protocol.as_json(reply))
    return code


async def _person(options: Namespace, name: str) -> Person | None:
    if options.site:
        site = site_settings(options)
        return (await find(site, name)).person
    return NssProvider(_LOG).find(name)


def _agree(asked: protocol.HomeRequest, person: Person | None) -> None:
    if person is None:
        raise Refused(f"{asked.name} is not known here")
    if (person.uid, person.gid) != (asked.uid, asked.gid):
        raise Refused(f"{asked.name} is {person.uid}:{person.gid} here, not {asked.uid}:{asked.gid}")


def _tree(site: Settings, trees: Iterable[CourseTree]) -> Iterator[layout.Entry]:
    yield from layout.people_tree()
    for name, (uid, gid) in _listed(site).items():
        yield from layout.home_tree(uid, gid, name)
    for tree in trees:
        yield from tree.entries


def _listed(site: Settings) -> dict[str, tuple[int, int]]:
    """Uid and gid of the people whom the values list, by name."""
    listed = site.identity.file.people if site.identity.provider == "file" else {}
    return {name: (each.uid, each.gid) for name, each in listed.items()}


def _trees(site: Settings, catalog: Catalog) -> list[CourseTree]:
    day = today(site)
    return [
        CourseTree(each.slug, each.gid, each.data, each.is_archived(day))
        for each in catalog.courses.values()
        if each.gid is not None
    ]


def _one(site: Settings, catalog: Catalog, slug: str) -> CourseTree:
    for tree in _trees(site, catalog):
        if tree.slug == slug:
            return tree
    if slug in catalog.courses:
        raise Refused(f"course '{slug}' has no gid, so it has no directories; nothing is to be done")
    raise Refused(f"no course file has a course {slug!r}")


def _volume(options: Namespace) -> Volume:
    if not options.root.is_dir():
        raise Refused(f"{options.root} is no directory; mount the volume there first")
    os.umask(0o077)
    return Volume(options.root)


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def _of(each: protocol.Usage) -> str:
    size, files = each.limit.size, each.limit.files
    limit = ", ".join(([_gib(size)] if size else []) + ([f"{files} files"] if files else []))
    return f"  of {limit}" if limit else ""
