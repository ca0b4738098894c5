"""The `coursehub` command: what admins and course staff run on their own machine or the storage host."""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import yaml

from . import courses, directory, document, images, schema, settings, storage, user
from .courses import Catalog
from .errors import InvalidFile, Problem, Refused
from .settings import Settings

FINE, PROBLEMS, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 fine, 1 problems found, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except InvalidFile as invalid:
        return _report(invalid.problems, as_json=getattr(options, "json", False))
    except OSError as error:
        print(f"coursehub: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return PROBLEMS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coursehub", description="Courses on JupyterHub, from one file.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser(
        "check",
        help="look for mistakes in course files",
        description="Says every mistake in the course files as FILE:LINE:COL, and what to write instead. "
        "Needs no cluster. Exit 0: fine, 1: mistakes found.",
        epilog="Example: coursehub check --site values/local.yaml values/courses.yaml",
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a course file")
    _site(check, required=False)
    check.add_argument("--json", action="store_true", help="say it as JSON, one list of problems")
    check.set_defaults(run=_check)

    ensure = (
        commands.add_parser("storage", help="prepare the shared volume")
        .add_subparsers(required=True, metavar="VERB")
        .add_parser(
            "ensure",
            help="make the homes and course directories that are missing",
            description="Makes what is missing and corrects owners and modes; says each change. Run as root on the "
            "host that has the volume, once again after each new person or course.",
            epilog="Example: coursehub storage ensure --root /export --site values/uni.yaml values/courses.yaml",
        )
    )
    ensure.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a course file")
    ensure.add_argument("--root", type=Path, required=True, help="where the volume is mounted")
    ensure.add_argument("--dry-run", action="store_true", help="only say what would be done")
    _site(ensure, required=True)
    ensure.set_defaults(run=_ensure)

    pull = commands.add_parser(
        "images",
        help="list the images that courses need, to pull them before a class begins",
        description="Lists each image that general use and the courses of today and later need, and who needs it. With "
        "--values it prints values of zero-to-jupyterhub with which its pre-puller fetches them to each node.",
        epilog="Example: coursehub images --site values/uni.yaml --values values/courses.yaml > values/pull.yaml",
    )
    pull.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a course file")
    _site(pull, required=True)
    pull.add_argument("--values", action="store_true", help="print values for helm, as YAML")
    pull.add_argument("--json", action="store_true", help="say it as JSON")
    pull.set_defaults(run=_images)

    show = (
        commands.add_parser("user", help="look at a person's account")
        .add_subparsers(required=True, metavar="VERB")
        .add_parser(
            "show",
            help="say what the directory says of somebody",
            description="Asks the directory of the site's values now, and says uid, gid, groups and how old the answer "
            "is, or why this account gets no server. Exit 0: known, 1: not.",
            epilog="Example: coursehub user show anna --site values/uni.yaml",
        )
    )
    show.add_argument("user", metavar="USER", help="the login name")
    _site(show, required=True)
    show.add_argument("--json", action="store_true", help="say it as JSON")
    show.set_defaults(run=_user_show)

    commands.add_parser(
        "schema",
        help="print the JSON Schema of a course file",
        description="Prints the JSON Schema with which an editor completes and checks a course file.",
        epilog="Example: coursehub schema > courses.schema.json",
    ).set_defaults(run=_schema)
    return parser


def _site(parser: argparse.ArgumentParser, *, required: bool) -> None:
    said = "the site's values file; given more than once, later ones go over earlier ones, as in helm"
    if not required:
        said += " (without it, image aliases are not looked at)"
    parser.add_argument("--site", type=Path, action="append", required=required, metavar="FILE", help=said)


def _check(options: argparse.Namespace) -> int:
    site = _settings(options.site) if options.site else None
    if site is None:
        print("without --site: images that courses name are not looked at", file=sys.stderr)
    return _report(courses.load(_read(options.files), site).problems, as_json=options.json)


def _ensure(options: argparse.Namespace) -> int:
    site = _settings(options.site)
    loaded = courses.load(_read(options.files), site)
    if loaded.problems:
        return _report(loaded.problems, as_json=False)
    if not options.root.is_dir():
        print(f"coursehub: {options.root} is no directory; mount the volume there first", file=sys.stderr)
        return PROBLEMS
    os.umask(0o077)
    for line in storage.ensure(options.root, _tree(site, loaded.catalog), dry_run=options.dry_run):
        print(line)
    return FINE


def _images(options: argparse.Namespace) -> int:
    site = _settings(options.site)
    loaded = courses.load(_read(options.files), site)
    if loaded.problems:
        return _report(loaded.problems, as_json=options.json)
    wanted = loaded.catalog.images(datetime.now(site.zone).date(), site.general.image)
    pulls = images.pulls(wanted, site.images)
    if options.values:
        print("# Images of the courses, written by `coursehub images --values`.")
        print(yaml.safe_dump({"jupyterhub": images.prepuller(pulls)}, sort_keys=False), end="")
    elif options.json:
        print(json.dumps([asdict(pull) for pull in pulls], indent=2))
    else:
        for pull in pulls:
            print(f"{pull.reference}\n    {pull.choice}: {', '.join(pull.users)}")
    return FINE


def _user_show(options: argparse.Namespace) -> int:
    site = _settings(options.site)
    if site.identity.provider == "authState":
        no_login = Refused(
            f"Only the running hub knows what the login said of {options.user!r} (identity.provider is authState)."
        )
        said = user.report(options.user, site, no_login, datetime.now(UTC))
    else:
        logging.basicConfig(format="coursehub: %(message)s", level=logging.INFO)
        source = directory.People(logging.getLogger(__name__)).source(site.identity)
        said = asyncio.run(user.show(source, options.user, site))
    if options.json:
        print(json.dumps(said, indent=2))
    else:
        print(user.text(said), file=sys.stdout if said["known"] else sys.stderr)
    return FINE if said["known"] else PROBLEMS


def _tree(site: Settings, catalog: Catalog) -> Iterator[storage.Directory]:
    for name, person in site.identity.file.people.items():
        yield from storage.home_tree(person.uid, person.gid, name)
    for course in catalog.courses.values():
        if course.gid is not None:
            writable = course.data == "read-write" and not course.is_archived(datetime.now(site.zone).date())
            yield from storage.course_tree(course.slug, course.gid, data=course.data != "none", data_writable=writable)


def _settings(files: Sequence[Path]) -> Settings:
    return settings.load(_read(files))


def _read(files: Sequence[Path]) -> list[tuple[str, str]]:
    return [(str(path), document.read_text(path)) for path in files]


def _report(problems: Sequence[Problem], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([vars(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
    return PROBLEMS if problems else FINE


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(schema.course_file(), indent=2))
    return FINE
