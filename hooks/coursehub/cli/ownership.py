"""`coursehub storage rename` and `regroup`: another owner for a home, another group for a course, by root alone."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from coursehub import terminal
from coursehub.names import PERSON_RULE, is_person
from coursehub.storage import regroup as courses
from coursehub.storage import rename as homes
from coursehub.storage.ownership import Given

from . import options, volume
from .common import FINE, PROBLEMS, say

_ID = options.whole(1000, 2**31 - 2)


def _login(name: str) -> str:
    if not is_person(name):
        raise click.BadParameter(f"{name!r} is no login name: {PERSON_RULE}")
    return name


def _progress(path: str, count: int) -> None:
    terminal.err(f"{path}: {count} files and directories so far")


def _report(steps: Iterable[Any], left_to_do: Sequence[str], *, as_json: bool) -> int:
    """Prints each step as it is done, and what is left; the exit code says whether something stays as it was."""
    done = []
    for step in steps:
        done.append(step)
        if not as_json:
            terminal.out(step)
    left = list(left_to_do) if done else []
    answer = {"steps": [{"step": type(step).__name__.lower(), **asdict(step)} for step in done], "left": left}
    say(answer, (f"still to do: {task}" for task in left), as_json=as_json)
    return PROBLEMS if any(isinstance(step, Given) and step.left for step in done) else FINE


@click.command(
    "rename",
    cls=options.Verb,
    short_help="Give somebody's home another login name or uid.",
    example="coursehub storage rename maria maria.smith --root /export",
)
@options.root
@click.option("--uid", type=_ID, metavar="N", help="Their new uid; without it, the uid stays.")
@click.option("--gid", type=_ID, metavar="N", help="Their new primary group; without it, the group stays.")
@options.dry_run
@options.as_json
@click.argument("old", type=_login, metavar="OLD", help="The login name that the home has.")
@click.argument("new", type=_login, metavar="NEW", help="The new one; the same one where only the uid is new.")
def rename(root: Path, uid: int | None, gid: int | None, dry_run: bool, as_json: bool, old: str, new: str) -> int:
    """Move a home to where the new name or uid has it, with everything in it and the submissions nobody collected.

    Until it is done, the person starts no server: a home's name and uid are what the volume says. It says where the old
    name stays. A run that was cut off is completed by the next; nothing is removed, and a name or uid that has a home
    already is refused. Run it as root on the host that has the volume, once the person's server is stopped. Exit 0:
    done, 1: refused, or files with names elsewhere stay as they are.
    """
    mounted = volume.mounted(root)
    steps = homes.rename(mounted, old, new, uid, gid, dry_run=dry_run, progress=_progress)
    left = [f"the directory, the site's values and the course files have to say {new}"] if old != new else []
    left.append("where there are quotas: coursehub storage quota")
    return _report(steps, left, as_json=as_json)


@click.command(
    "regroup",
    cls=options.Verb,
    short_help="Give a course's directories another group.",
    example="coursehub storage regroup python-intro --gid 70105 --root /export",
)
@options.root
@click.option("--gid", type=_ID, required=True, metavar="N", help="The course's new group.")
@options.dry_run
@options.as_json
@click.argument("slug", type=options.slug, metavar="SLUG", help="The course.")
def regroup(root: Path, gid: int, dry_run: bool, as_json: bool, slug: str) -> int:
    """Give the directories of a course, and what has the course's group in them, to another group.

    Whoever is in that group has the gradebook and all submissions then. Until it is done, a course file with the new
    gid is refused: the volume says whose a course is. A run that was cut off is completed by the next. Run it as root
    on the host that has the volume, once the course's servers are stopped. Exit 0: done, 1: refused, or files with
    names elsewhere stay as they are.
    """
    mounted = volume.mounted(root)
    steps = courses.regroup(mounted, slug, gid, dry_run=dry_run, progress=_progress)
    left = (
        f"the course file has to say `gid: {gid}`: helm upgrade",
        f"what was made meanwhile: coursehub course check {slug} --repair",
        "where there are quotas: coursehub storage quota",
    )
    return _report(steps, left, as_json=as_json)
