"""`coursehub feedback push`: released feedback goes into its students' homes, as those students."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from coursehub import terminal
from coursehub.errors import Refused
from coursehub.storage import feedback

from . import options, volume
from .common import FINE, PROBLEMS, say


@click.group("feedback", cls=options.Verbs, short_help="Return feedback.")
def command() -> None:
    """Return feedback."""


@command.command(
    "push",
    short_help="Copy a course's released feedback into its students' homes.",
    example="coursehub feedback push --root /export python-intro",
)
@options.root
@options.dry_run
@options.as_json
@click.argument("slug", type=options.slug, metavar="SLUG", help="The course.")
def push(slug: str, root: Path, dry_run: bool, as_json: bool) -> int:
    """Copy each page that nbgrader has released to where nbgrader's own fetch_feedback puts it, as the student.

    Says what became of each; what is there already stays. Run it as root on the host that has the volume. Exit 0: all
    is there, 1: something could not be copied.
    """
    if os.geteuid() != 0:
        raise Refused("run it as root on the host that has the volume; it acts as each student")
    done = []
    for page in feedback.push(volume.mounted(root).root, slug, dry_run=dry_run):
        done.append(page)
        if not as_json:
            terminal.out(page)
    say([asdict(page) for page in done], (), as_json=as_json)
    return PROBLEMS if any(page.what == "failed" for page in done) else FINE
