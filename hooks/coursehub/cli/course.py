"""`coursehub course`: which courses are live, and their directories, as root on the host that has the volume."""

import grp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from coursehub import terminal
from coursehub.config import catalog
from coursehub.config.settings import Settings
from coursehub.errors import InvalidFile, Refused
from coursehub.protocol import Fault
from coursehub.storage import people
from coursehub.storage.check import COURSES, Inspector
from coursehub.storage.course import CourseTree

from . import hub, options, term, volume
from .common import FINE, PROBLEMS, say, site_and_courses, site_settings, texts, today, warn


@click.group("course", cls=options.Verbs, short_help="Look at courses, make and check their directories.")
def command() -> None:
    """Look at courses, make and check their directories."""


command.add_command(term.due)


@command.command("list", short_help="Say which version of each course is live.", example="coursehub course list")
@options.namespace
@options.as_json
def list_(namespace: str, as_json: bool) -> int:
    """Say which version of each course is live, since when and from which line of which file.

    Asks the running hub, which says what is wrong with the files too. Exit 0: all is well, 1: something is wrong.
    """
    answer = hub.ask(namespace, {"ask": "courses"})
    say(answer, _lines(answer), as_json=as_json)
    return PROBLEMS if answer["problems"] or answer["failure"] or answer["unsaved"] else FINE


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    yield f"generation {answer['generation']}, taken over {answer['time']}"
    width = max((len(row["slug"]) for row in answer["courses"]), default=0)
    for row in answer["courses"]:
        live = f"{row['version']}  since {row['since']}" if row["version"] else "not live"
        kept = "  (kept as it was)" if row["kept"] else ""
        yield f"{row['slug']:{width}}  {live}  {row['file']}:{row['line']}{kept}"
    if answer["failure"]:
        yield f"the files could not be read: {answer['failure']}"
    if answer["unsaved"]:
        yield f"a restart of the hub would not know all that is kept: {answer['unsaved']}"
    yield from answer["problems"]


@command.command(
    "create",
    short_help="Make the directories of a course.",
    example="coursehub course create python-intro --root /export --site values/SITE.yaml values/courses.yaml",
)
@options.root
@options.site
@options.dry_run
@options.as_json
@options.one_course
@options.courses
def create(slug: str, root: Path, sites: Sequence[Path], courses: Sequence[Path], dry_run: bool, as_json: bool) -> int:
    """Make what is missing of the course's directories and its gradebook, as the course file has it.

    Says each change, and what is left to do. Run it as root on the host that has the volume.
    """
    site, loaded = site_and_courses(sites, courses)
    tree = volume.tree(site, loaded.catalog, slug)
    return _bring(root, tree, _left_to_do(tree, site), dry_run=dry_run, as_json=as_json)


@command.command(
    "archive",
    short_help="Close the directories of an archived course.",
    example="coursehub course archive python-intro --root /export --site values/SITE.yaml values/courses.yaml",
)
@options.root
@options.site
@options.dry_run
@options.as_json
@options.one_course
@options.courses
def archive(slug: str, root: Path, sites: Sequence[Path], courses: Sequence[Path], dry_run: bool, as_json: bool) -> int:
    """Close the directories of a course whose file says that it is archived, and all that is in them.

    Takes the right to write away from all but the owner of each file; nothing is removed, and `course create` with a
    later date opens them again. Run it as root on the host that has the volume.
    """
    site, loaded = site_and_courses(sites, courses)
    tree = volume.tree(site, loaded.catalog, slug)
    if not tree.archived:
        raise Refused(
            f"course '{slug}' is not archived in its file, so the next run would open it again; write "
            f"`archive: {today(site)}` there first, and let the hub have it"
        )
    return _bring(root, tree, (), dry_run=dry_run, as_json=as_json)


def _bring(root: Path, tree: CourseTree, left_to_do: Iterable[str], *, dry_run: bool, as_json: bool) -> int:
    """The directories come to what the file says, open or closed, and so does what is in them."""
    mounted = volume.mounted(root)
    changes = mounted.course(tree.slug, tree.gid, tree.data, archived=tree.archived, dry_run=dry_run)
    changes += people.update(mounted.root, tree.slug, mounted.people(), tree.people, dry_run=dry_run)
    below = volume.close_or_open(mounted, tree, dry_run=dry_run)
    left = list(left_to_do)
    answer = {
        "changes": [asdict(change) for change in changes],
        "below": [asdict(folder) for folder in below],
        "left": left,
    }
    say(answer, map(str, (*changes, *below, *(f"still to do: {task}" for task in left))), as_json=as_json)
    return FINE


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


@command.command(
    "check",
    short_help="Say what is wrong with the directories of a course.",
    example="coursehub course check --all --root /export --site values/SITE.yaml values/courses.yaml",
)
@options.root
@options.site
@click.option("--all", "every", is_flag=True, help="Each course, and all homes, instead of SLUG.")
@click.option("--repair", is_flag=True, help="Correct what can be corrected.")
@options.dry_run
@options.as_json
@click.argument(
    "words",
    nargs=-1,
    required=True,
    type=options.File,
    metavar="[SLUG] COURSES...",
    help="The course, unless it is --all; then course files, or folders of them.",
)
def check(
    root: Path,
    sites: Sequence[Path],
    every: bool,
    repair: bool,
    dry_run: bool,
    as_json: bool,
    words: Sequence[Path],
) -> int:
    """Say which directories are missing, strange, or have another owner, group or mode than they should.

    Of what is wrong in many places it says the first few. Nothing is removed or moved, also by --repair. Run it as root
    on the host that has the volume. With --all, courses with a mistake in their file are named, and the others checked.
    Exit 0: all is well or repaired, 1: something is wrong.
    """
    slug, courses = (None, words) if every else (str(words[0]), words[1:])
    if not courses:
        raise click.UsageError("name a course and its files, or --all and the files")
    site = site_settings(sites)
    loaded = catalog.load(list(texts(courses)), site)
    if loaded.problems and not every:
        raise InvalidFile(loaded.problems)
    trees = [volume.tree(site, loaded.catalog, slug)] if slug is not None else volume.trees(site, loaded.catalog)
    inspector = Inspector(volume.mounted(root).root, repair=repair and not dry_run)
    # One teacher's mistake keeps nobody else's directories from being looked at; but then not all courses are known.
    for problem in loaded.problems:
        terminal.err(problem)
    known = not loaded.problems
    found = _one(inspector, trees) if slug is not None else _every(inspector, trees, volume.people(site), known=known)
    findings = list(found)
    seen, unseen = ([finding for finding in findings if finding.seen is seen] for seen in (True, False))
    say([asdict(finding) for finding in findings], map(str, seen), as_json=as_json)
    if unseen:
        paths = ", ".join(finding.path for finding in unseen[:5]) + (
            f" and {len(unseen) - 5} more" if unseen[5:] else ""
        )
        warn(f"{paths} may not be looked at from here (root_squash, or you are not root); the storage host sees all")
    return FINE if known and all(finding.done for finding in seen) else PROBLEMS


def _one(inspector: Inspector, trees: Sequence[CourseTree]) -> Iterator[Fault]:
    yield from inspector.top()
    for tree in trees:
        yield from inspector.course(tree)


def _every(
    inspector: Inspector, trees: Sequence[CourseTree], people: dict[str, tuple[int, int]], *, known: bool
) -> Iterator[Fault]:
    yield from inspector.top((*(("home",) if people else ()), *(COURSES if trees else ())))
    for tree in trees:
        yield from inspector.course(tree)
    yield from inspector.strangers({tree.slug for tree in trees} if known else None)
    yield from inspector.homes(people)
