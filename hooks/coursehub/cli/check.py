"""`coursehub check`: the mistakes in course files."""

from collections.abc import Sequence
from pathlib import Path

import click

from coursehub import terminal
from coursehub.config import budget, catalog, document
from coursehub.config.settings import Settings

from . import options, values
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
    given = [(str(path), document.read_text(path)) for path in sites]
    too_much = budget.problems(given, files) if given else ()
    if doubt := budget.doubt(given, files):
        warn(doubt)
    loaded = catalog.load(files, site)
    if site is not None:
        _warn_without_a_way(loaded.catalog, site, sites)
    return report((*too_much, *loaded.problems), as_json=as_json)


def _warn_without_a_way(live: catalog.Catalog, site: Settings, sites: Sequence[Path]) -> None:
    """Of courses whose gradebook is a database that no server reaches."""
    if values.at(values.of(sites), "network.gradebooks").get("to"):
        return
    kind = site.nbgrader.gradebook
    if found := sorted(slug for slug, course in live.courses.items() if course.gradebook(kind) == "postgresql"):
        warn(
            f"{', '.join(found)}: the gradebook is a database (nbgrader.gradebook), and the site's network.gradebooks "
            "names no place where it is, so that no server reaches it; docs/admins/gradebooks.md"
        )
