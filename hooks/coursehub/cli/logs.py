"""What a person's server printed, or why it failed: asked for by an admin, also when its pod is gone."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from coursehub import text
from coursehub.hub.failures import record

from . import hub, kubectl
from .common import FINE, PROBLEMS, say

# So much of a log is shown; a log store has the rest.
_TAIL = 200


def logs(options: Namespace) -> int:
    """Shows the log of the server that runs, else why the last one failed; with --previous each kept failure."""
    said = hub.ask(options.namespace, {"ask": "logs", "user": options.user})
    pod = said["pod"]
    if options.previous:
        pod = None
    if pod:
        pod["lines"] = _lines(pod)
    if not pod and not said["failures"]:
        what = f"no failed server of {options.user} is known" if options.previous else _nothing(options.user)
        print(f"coursehub: {what}", file=sys.stderr)
    say(said, _text(said, pod, previous=options.previous), as_json=options.json)
    return FINE if pod or said["failures"] else PROBLEMS


def _nothing(user: str) -> str:
    return f"{user} has no server now, and none that failed is known"


def _lines(pod: dict[str, Any]) -> list[str]:
    if pod["phase"] == "Pending":
        return []
    printed = kubectl.run(pod["namespace"], "logs", pod["name"], "--container", "notebook", f"--tail={_TAIL}")
    # A person decides what their server prints; a terminal would obey it.
    return [text.indented(each) for each in printed.splitlines()]


def _text(said: dict[str, Any], pod: dict[str, Any] | None, *, previous: bool) -> Iterator[str]:
    if pod:
        yield f"pod {pod['name']} in namespace {pod['namespace']}: {pod['phase']}"
        for key in ("trouble", "detail"):
            if pod[key]:
                yield f"  {pod[key]}"
        yield from pod["lines"]
        return
    failures = said["failures"]
    for each in failures if previous else failures[:1]:
        yield from record.text(each)
    if not previous and len(failures) > 1:
        yield f"{len(failures) - 1} earlier: coursehub logs {said['user']} --previous"
