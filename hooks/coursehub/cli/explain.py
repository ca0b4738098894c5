"""`coursehub explain`: what somebody may start, and why or why not."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from coursehub.config.profiles import Role
from coursehub.servers import explain, site_module

from . import hub, options
from .common import FINE, PROBLEMS, say, site_and_courses
from .person import find


@click.command(
    "explain",
    cls=options.Verb,
    short_help="Say what somebody may start, and why or why not.",
    example="coursehub explain --user maria --course python-intro --role student",
)
@options.site_if_any
@click.option("--user", required=True, metavar="USER", help="The login name.")
@click.option("--course", metavar="SLUG", help="One course; without it each that concerns the person.")
@click.option("--role", type=click.Choice(["student", "instructor", "grading"]), help="One role; without it each.")
@options.namespace
@options.as_json
@options.courses_if_any
def command(
    sites: Sequence[Path],
    user: str,
    course: str | None,
    role: str | None,
    namespace: str,
    as_json: bool,
    courses: Sequence[Path],
) -> int:
    """Say for each course in each role whether the person may start it and why, or why not.

    For one course and role also what the server would be: uid, groups, mounts, image, limits, environment. From --site
    and COURSES it needs no cluster; without them it asks the hub that kubectl reaches.

    Exit 0: something may be started, 1: nothing.
    """
    if bool(sites) != bool(courses):
        raise click.UsageError("--site and course files go together; leave both out to ask the running hub")
    if courses:
        site, loaded = site_and_courses(sites, courses)
        person = asyncio.run(find(site, user)).person
        adjust = site_module.load(site.site_module) if site.site_module else None
        answer = explain.answer(
            person,
            loaded.catalog,
            site,
            datetime.now(UTC),
            course=course,
            role=Role(role) if role else None,
            adjust=adjust,
        )
    else:
        answer = hub.ask(namespace, {"ask": "explain", "user": user, "course": course, "role": role})
    say(answer, explain.text(answer), as_json=as_json)
    return FINE if any(profile["allowed"] for profile in answer["profiles"]) else PROBLEMS
