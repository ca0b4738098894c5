"""`coursehub announce` and `coursehub quota report`: what an admin says to the running hub, and reads from it."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from coursehub.config import document
from coursehub.hub.notices import announcement
from coursehub.hub.usage import usage

from . import hub
from .common import FINE, say


def announce(options: Namespace) -> int:
    """Shows a text to everybody or a course, takes one down, or lists what is shown."""
    if options.list:
        said = hub.ask(options.namespace, {"ask": "announcements"})
        lines = [_line(each) for each in said["announcements"]] or ["nothing is announced"]
        say(said["announcements"], lines, as_json=options.json)
        return FINE
    scope = {"course": options.course, "dry_run": options.dry_run}
    if options.clear:
        said = hub.ask(options.namespace, {"ask": "clear", **scope})
    else:
        text = announcement.checked(document.read_text(options.file) if options.file else options.text)
        question = {"ask": "announce", "text": text, "level": options.level, "until": options.until, **scope}
        said = hub.ask(options.namespace, question)
    say(said, _said(said, dry_run=options.dry_run), as_json=options.json)
    return FINE


def _said(said: Mapping[str, Any], *, dry_run: bool) -> Iterator[str]:
    shown, before = said.get("shown"), said["before"]
    if before:
        yield f"{'would be taken down' if dry_run else 'taken down'}: {_line(before)}"
    if shown:
        yield f"{'would be shown' if dry_run else 'shown'}: {_line(shown)}"
    if not shown and not before:
        yield "nothing was announced"


def _line(said: Mapping[str, Any]) -> str:
    whom = f"course {said['course']}" if said["course"] else "everybody"
    until = f", until {said['until']}" if said["until"] else ""
    return f"{said['level']} for {whom}{until}: {said['text']}"


def quota_report(options: Namespace) -> int:
    """Lists people and courses by what they store."""
    said = hub.ask(options.namespace, {"ask": "usage", "by": options.by})
    lines = [f"counted {said['counted']}", *usage.text(said["usage"])]
    say(said, lines, as_json=options.json)
    return FINE
