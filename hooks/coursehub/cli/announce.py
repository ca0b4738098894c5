"""`coursehub announce`: what an admin says to everybody, or to those of a course."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from coursehub.config import document
from coursehub.hub.notices import announcement
from coursehub.hub.notices.notice import Level

from . import hub, options
from .common import FINE, say


@click.command(
    "announce",
    cls=options.Verb,
    short_help="Tell everybody, or those of a course, something.",
    example='coursehub announce "The hub is down on Friday from 18:00" --level warning --until 2026-12-04T20:00',
)
@click.option("--file", type=options.File, metavar="FILE", help="What to say, from a file.")
@click.option("--clear", is_flag=True, help="Take down what is shown.")
@click.option("--list", "listed", is_flag=True, help="Say what is shown, to whom and until when.")
@click.option(
    "--level",
    type=click.Choice([str(level) for level in Level]),
    default=str(Level.INFO),
    show_default=True,
    help="How it looks.",
)
@click.option(
    "--until",
    metavar="WHEN",
    help="When it goes by itself: a time at the site (2026-12-01T18:00), or a span from now (30m, 2h, 3d).",
)
@click.option("--course", type=options.slug, metavar="SLUG", help="Only to those of this course.")
@options.namespace
@options.dry_run
@options.as_json
@click.argument("text", required=False, help="What to say.")
def command(
    text: str | None,
    file: Path | None,
    clear: bool,
    listed: bool,
    level: str,
    until: str | None,
    course: str | None,
    namespace: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Show a text on the hub's pages at once, in JupyterLab and new terminals within 100 seconds; nothing is restarted.

    There is one announcement for everybody and one for each course: a new one takes the place of the one before. It is
    one paragraph of plain text, where [words](https://example.edu/) is a link. With --course it stands at the course's
    entry and in its servers, and nowhere else. Exit 0: done, 1: refused, and why.
    """
    if sum([text is not None, file is not None, clear, listed]) != 1:
        raise click.UsageError("give one of TEXT, --file, --clear and --list")
    if listed:
        shown = hub.ask(namespace, {"ask": "announcements"})["announcements"]
        say(shown, map(_line, shown) if shown else ["nothing is announced"], as_json=as_json)
        return FINE
    scope = {"course": course, "dry_run": dry_run}
    if clear:
        reply = hub.ask(namespace, {"ask": "clear", **scope})
    else:
        checked = announcement.checked(document.read_text(file) if file else str(text))
        reply = hub.ask(namespace, {"ask": "announce", "text": checked, "level": level, "until": until, **scope})
    say(reply, _changes(reply, dry_run=dry_run), as_json=as_json)
    return FINE


def _changes(reply: Mapping[str, Any], *, dry_run: bool) -> Iterator[str]:
    shown, before = reply.get("shown"), reply["before"]
    if before:
        yield f"{'would be taken down' if dry_run else 'taken down'}: {_line(before)}"
    if shown:
        yield f"{'would be shown' if dry_run else 'shown'}: {_line(shown)}"
    if not shown and not before:
        yield "nothing was announced"


def _line(announcement: Mapping[str, Any]) -> str:
    whom = f"course {announcement['course']}" if announcement["course"] else "everybody"
    until = f", until {announcement['until']}" if announcement["until"] else ""
    return f"{announcement['level']} for {whom}{until}: {announcement['text']}"
