"""`coursehub images`: what to pull before a class begins."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import yaml

from coursehub import terminal
from coursehub.config import images
from coursehub.config.images import Pull

from . import options
from .common import FINE, say, site_and_courses, today


@click.command(
    "images",
    cls=options.Verb,
    short_help="List the images that courses need, to pull them beforehand.",
    example="coursehub images --values --site values/SITE.yaml values/courses.yaml > values/pull.yaml",
)
@options.site
@click.option("--values", "as_values", is_flag=True, help="Print values for helm, as YAML.")
@options.as_json
@options.courses
def command(sites: Sequence[Path], courses: Sequence[Path], as_values: bool, as_json: bool) -> int:
    """List each image that general use and the courses of today and later need, and who needs it.

    With --values it prints values of zero-to-jupyterhub with which its pre-puller fetches them to each node before a
    class begins.
    """
    site, loaded = site_and_courses(sites, courses)
    pulls = images.pulls(loaded.catalog.images(today(site), site.general.image), site.images)
    if as_values:
        terminal.out("# Images of the courses, written by `coursehub images --values`.")
        for line in yaml.safe_dump({"jupyterhub": images.prepuller(pulls)}, sort_keys=False).splitlines():
            terminal.out(line)
    else:
        say([asdict(pull) for pull in pulls], _lines(pulls), as_json=as_json)
    return FINE


def _lines(pulls: Sequence[Pull]) -> Iterator[str]:
    for pull in pulls:
        yield pull.reference
        yield f"    {pull.choice}: {', '.join(pull.users)}"
