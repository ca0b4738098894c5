"""`coursehub logs`: what a person's server printed, or why it failed, also when its pod is gone."""

from collections.abc import Iterator
from typing import Any

import click

from coursehub import text
from coursehub.hub.failures import record

from . import hub, kubectl, options
from .common import FINE, PROBLEMS, say, warn

# So many lines of a log are shown; a log store has the rest.
_TAIL = 200


@click.command(
    "logs",
    cls=options.Verb,
    short_help="Say what somebody's server printed, or why it failed.",
    example="coursehub logs maria --previous",
)
@click.option("--previous", is_flag=True, help="Why earlier servers failed, also while one runs.")
@options.namespace
@options.as_json
@options.user
def command(user: str, previous: bool, namespace: str, as_json: bool) -> int:
    """Show what the person's server printed last; where none runs, why the last one failed.

    That is what Kubernetes said, what the person was told, the pod's events and the last lines that it printed. The hub
    keeps it for the site's `servers.failureDays`. Exit 0: there was something to show, 1: nothing is known.
    """
    reply = hub.ask(namespace, {"ask": "logs", "user": user})
    pod = None if previous else reply["pod"]
    if pod:
        pod["lines"] = _lines(pod)
    known = bool(pod or reply["failures"])
    if not known and previous:
        warn(f"no failed server of {user} is known")
    elif not known:
        warn(f"{user} has no server now, and none that failed is known")
    say(reply, _text(reply, pod, previous=previous), as_json=as_json)
    return FINE if known else PROBLEMS


def _lines(pod: dict[str, Any]) -> list[str]:
    if pod["phase"] == "Pending":
        return []
    printed = kubectl.run(pod["namespace"], "logs", pod["name"], "--container", "notebook", f"--tail={_TAIL}")
    # A person decides what their server prints; a terminal would obey it.
    return [text.indented(line) for line in printed.splitlines()]


def _text(reply: dict[str, Any], pod: dict[str, Any] | None, *, previous: bool) -> Iterator[str]:
    if pod:
        yield f"pod {pod['name']} in namespace {pod['namespace']}: {pod['phase']}"
        for key in ("trouble", "detail"):
            if pod[key]:
                yield f"  {pod[key]}"
        yield from pod["lines"]
        return
    failures = reply["failures"]
    for failure in failures if previous else failures[:1]:
        yield from record.text(failure)
    if not previous and len(failures) > 1:
        yield f"{len(failures) - 1} earlier: coursehub logs {reply['user']} --previous"
