"""What each command does, once its words are read: files and cluster in, lines or JSON out, an exit code back."""

import asyncio
import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from coursehub.config import budget, catalog, document, images, schema, settings
from coursehub.config.catalog import Loaded
from coursehub.config.profiles import Role
from coursehub.config.settings import Settings
from coursehub.errors import InvalidFile, Problem, Refused
from coursehub.people import account, directory
from coursehub.people.lookup import Answer, look_up
from coursehub.servers import explain, site_module

from . import hub

FINE, PROBLEMS = 0, 1


def check(options: Namespace) -> int:
    """Says every mistake of course files."""
    site = site_settings(options) if options.site else None
    if site is None:
        said = "images, nodes, groups, gids and variables are not held against the site's"
        print(f"without --site: {said}", file=sys.stderr)
    files = list(_read(options.files))
    values = [(str(path), document.read_text(path)) for path in options.site or ()]
    too_many = budget.problems(values, files) if values else ()
    return report((*too_many, *catalog.load(files, site).problems), as_json=options.json)


def schema_(_: Namespace) -> int:
    """Prints the JSON Schema of a course file."""
    print(json.dumps(schema.course_file(), indent=2))
    return FINE


def images_(options: Namespace) -> int:
    """Lists what to pull."""
    site, loaded = site_and_courses(options)
    pulls = images.pulls(loaded.catalog.images(today(site), site.general.image), site.images)
    if options.values:
        print("# Images of the courses, written by `coursehub images --values`.")
        print(yaml.safe_dump({"jupyterhub": images.prepuller(pulls)}, sort_keys=False), end="")
    elif options.json:
        print(json.dumps([asdict(pull) for pull in pulls], indent=2))
    else:
        for pull in pulls:
            print(f"{pull.reference}\n    {pull.choice}: {', '.join(pull.users)}")
    return FINE


def explain_(options: Namespace) -> int:
    """Says whether somebody may start what, and why; from files, or as the running hub sees it."""
    if options.files:
        site, loaded = site_and_courses(options)
        person = asyncio.run(find(site, options.user)).person
        adjust = site_module.load(site.site_module) if site.site_module else None
        role = Role(options.role) if options.role else None
        said = explain.answer(
            person, loaded.catalog, site, today(site), course=options.course, role=role, adjust=adjust
        )
    else:
        question = {"ask": "explain", "user": options.user, "course": options.course, "role": options.role}
        said = hub.ask(options.namespace, question)
    say(said, explain.text(said), as_json=options.json)
    return FINE if any(profile["allowed"] for profile in said["profiles"]) else PROBLEMS


def user_show(options: Namespace) -> int:
    """Says what the directory says of somebody; asked now, or as the running hub has it."""
    if options.site:
        site = site_settings(options)
        said = asyncio.run(account.show(find(site, options.user), options.user, site))
    else:
        said = hub.ask(options.namespace, {"ask": "user", "user": options.user})
    say(said, account.text(said).splitlines(), as_json=options.json, error=not said["known"])
    return FINE if said["known"] else PROBLEMS


def course_list(options: Namespace) -> int:
    """Says which version of each course is live in the running hub."""
    said = hub.ask(options.namespace, {"ask": "courses"})
    say(said, _course_lines(said), as_json=options.json)
    return PROBLEMS if said["problems"] or said["failure"] or said["unsaved"] else FINE


def _course_lines(said: dict[str, Any]) -> Iterator[str]:
    yield f"generation {said['generation']}, taken over {said['time']}"
    width = max((len(row["slug"]) for row in said["courses"]), default=0)
    for row in said["courses"]:
        live = f"{row['version']}  since {row['since']}" if row["version"] else "not live"
        kept = "  (kept as it was)" if row["kept"] else ""
        yield f"{row['slug']:{width}}  {live}  {row['file']}:{row['line']}{kept}"
    if said["failure"]:
        yield f"the files could not be read: {said['failure']}"
    if said["unsaved"]:
        yield f"a restart of the hub would not know these courses: {said['unsaved']}"
    yield from said["problems"]


async def find(site: Settings, name: str) -> Answer:
    """What the site's directory says of `name`; Refused where only the running hub knows."""
    if site.identity.provider == "authState":
        raise Refused(f"Only the running hub knows what the login said of {name!r}; leave --site and files out.")
    logging.basicConfig(format="coursehub: %(message)s", level=logging.INFO)
    return await look_up(directory.People(logging.getLogger(__name__)).source(site.identity), name, site)


def today(site: Settings) -> date:
    """The day it is for the site."""
    return site.day(datetime.now(UTC))


def site_settings(options: Namespace) -> Settings:
    """The settings of --site; InvalidFile with each mistake."""
    return settings.load([(str(path), document.read_text(path)) for path in options.site])


def site_and_courses(options: Namespace) -> tuple[Settings, Loaded]:
    """The settings and the courses of the files; InvalidFile with each mistake."""
    site = site_settings(options)
    loaded = catalog.load(list(_read(options.files)), site)
    if loaded.problems:
        raise InvalidFile(loaded.problems)
    return site, loaded


def _read(paths: Sequence[Path]) -> Iterator[tuple[str, str | InvalidFile]]:
    for path in paths:
        files = document.files(path) if path.is_dir() else [path]
        if not files:
            yield str(path), InvalidFile([Problem(str(path), 1, 1, "the folder holds no course file (*.yaml)")])
        for file in files:
            try:
                yield str(file), document.read_text(file)
            except InvalidFile as error:
                yield str(file), error


def say(said: object, lines: Iterable[str], *, as_json: bool, error: bool = False) -> None:
    """As JSON or as lines."""
    if as_json:
        print(json.dumps(said, indent=2))
    else:
        for line in lines:
            print(line, file=sys.stderr if error else sys.stdout)


def report(problems: Sequence[Problem], *, as_json: bool) -> int:
    """Says the problems."""
    if as_json:
        print(json.dumps([vars(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
    return PROBLEMS if problems else FINE
