"""`coursehub check`: the mistakes in course files."""

from collections.abc import Sequence
from pathlib import Path

import click

from coursehub import terminal
from coursehub.config import budget, catalog, document

from . import options
from .common import report, site_settings, texts, warn


@click.command(
    "check",
    cls=options.Verb,
    short_help="Look for mistakes in course files.",
    example="coursehub check --site values/SITE.yaml values/courses.yaml",
)
@options.site_if_any
@options.as_json
@options.courses
def command(sites: Sequence[Path], courses: Sequence[Path], as_json: bool) -> int:
    """Say every mistake in the course files as FILE:LINE:COL, and what to write instead.

    It needs no cluster. Of the site's values it looks at what courses are held against; network and the other values of
    the chart are checked by helm's render (helm template). Exit 0: fine, 1: mistakes found.
    """
    site = site_settings(sites) if sites else None
    if site is None:
        terminal.err("without --site: images, nodes, groups, gids and variables are not held against the site's")
    files = list(texts(courses))
    values = [(str(path), document.read_text(path)) for path in sites]
    too_much = budget.problems(values, files) if values else ()
    if doubt := budget.doubt(values, files):
        warn(doubt)
    return report((*too_much, *catalog.load(files, site).problems), as_json=as_json)
