"""`coursehub user show`: what the directory answers about somebody."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from coursehub.people import account

from . import hub, options
from .common import FINE, PROBLEMS, say, site_settings
from .person import find


@click.group("user", cls=options.Verbs, short_help="Look at a person's account.")
def command() -> None:
    """Look at a person's account."""


@command.command(
    "show",
    short_help="Say what the directory answers about somebody.",
    example="coursehub user show anna --site values/SITE.yaml",
)
@options.site_if_any
@options.namespace
@options.as_json
@options.user
def show(user: str, sites: Sequence[Path], namespace: str, as_json: bool) -> int:
    """Say uid, gid, groups and how old the directory's answer is, or why this account gets no server.

    With --site it asks the directory now; without, it says what the running hub has. Exit 0: known, 1: not.
    """
    if sites:
        site = site_settings(sites)
        answer = asyncio.run(account.show(find(site, user), user, site))
    else:
        answer = hub.ask(namespace, {"ask": "user", "user": user})
    say(answer, account.text(answer), as_json=as_json, error=not answer["known"])
    return FINE if answer["known"] else PROBLEMS
