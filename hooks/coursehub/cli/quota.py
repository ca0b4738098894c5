"""`coursehub quota report`: who stores how much, as the running hub has counted it."""

from typing import get_args

import click

from coursehub.hub.usage import usage
from coursehub.hub.usage.usage import Order

from . import hub, options
from .common import FINE, say


@click.group("quota", cls=options.Verbs, short_help="See who stores how much.")
def command() -> None:
    """See who stores how much."""


@command.command(
    "report",
    short_help="List people and courses by what they store.",
    example="coursehub quota report --by share",
)
@click.option(
    "--by",
    type=click.Choice(get_args(Order)),
    default="use",
    show_default=True,
    help="The most bytes first (use), the nearest to its limit first (share), or by name.",
)
@options.namespace
@options.as_json
def report(by: Order, namespace: str, as_json: bool) -> int:
    """List each home and course with what it takes, its limit and the percentage, as the hub has last counted it.

    The site's values say who counts (usage.provider). Exit 0: listed, 1: not known, and why.
    """
    reply = hub.ask(namespace, {"ask": "usage", "by": by})
    say(reply, [f"counted {reply['counted']}", *usage.text(reply["usage"])], as_json=as_json)
    return FINE
