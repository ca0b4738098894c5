"""The spawn test's rules: whose turn it is, what a server has to be, and whether it is that."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# What a person's files and a course's lie below: of these a server has what the plan says and nothing else.
_OURS = ("/home/", "/course/", "/coursedata/", "/srv/")
# Runs in a kernel of the server, and prints a ServerView.
LOOK = """\
import json, os
with open("/proc/self/mounts") as file:
    mounts = {path: options.split(",")[0] == "ro" for _, path, _, options, *_ in map(str.split, file)}
print(json.dumps({"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "mounts": mounts}))
"""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerView(_Message):
    """A server from inside: all gids, the primary among them, and each mount, with whether it is read only."""

    uid: int
    gid: int
    groups: frozenset[int]
    mounts: Mapping[str, bool]


class Turn(_Message):
    """What to try now, as whom: `expected` where it may be started, else `refusal`; `token` opens the server.

    `server` is where browsers find it: an address where it has an origin of its own, else the path at the hub's.
    """

    user: str
    server: str = ""
    course: str
    token: str = ""
    expected: ServerView | None = None
    refusal: str | None = None


class Report(_Message):
    """How a try ended: `seconds` until the server was looked into, and the reason where it is not well."""

    course: Annotated[str, Field(max_length=80)]
    ok: bool
    seconds: Annotated[float, Field(ge=0, le=86400)]
    reason: Annotated[str, Field(max_length=1000)] | None = None


class Result(Report):
    """A report, and when (seconds since 1970) the hub got it."""

    at: float


def following(courses: Sequence[str], results: Mapping[str, Result]) -> str:
    """The one of `courses` (there is one at least) to try next: in turn, the one that waited longest.

    One that failed is tried again before its turn, every second time at most: so a fault that passed is soon known to
    have passed, and one that stays holds nobody else up.
    """
    waited = sorted(courses, key=lambda course: results[course].at if course in results else 0.0)
    last = max(results.values(), key=lambda result: result.at, default=None)
    failed = [course for course in waited if course in results and not results[course].ok]
    if last is None or not last.ok:
        return next((course for course in waited if course not in failed), waited[0])
    return failed[0] if failed else waited[0]


def parse(printed: str) -> ServerView:
    """The view that LOOK printed; raises ValueError."""
    return ServerView.model_validate(json.loads(printed))


def verdict(expected: ServerView, found: ServerView) -> str | None:
    """Each difference between the plan and the server, in one sentence; None where there is none."""
    differences = list(_differences(expected, found))
    return f"The server is not what was planned: {'; '.join(differences)}." if differences else None


def _differences(expected: ServerView, found: ServerView) -> Iterator[str]:
    for name, there, planned in (("uid", found.uid, expected.uid), ("gid", found.gid, expected.gid)):
        if there != planned:
            yield f"its {name} is {there}, not {planned}"
    if (groups := found.groups | {found.gid}) != expected.groups:
        yield f"its groups are {_listed(groups)}, not {_listed(expected.groups)}"
    for path, read_only in expected.mounts.items():
        if path not in found.mounts:
            yield f"{path} is not mounted"
        elif found.mounts[path] != read_only:
            yield f"{path} is {_access(found.mounts[path])}, not {_access(read_only)}"
    for path in found.mounts:
        if path not in expected.mounts and f"{path}/".startswith(_OURS):
            yield f"{path} is mounted, and should not be"


def _listed(gids: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(gids)))


def _access(read_only: bool) -> str:
    return "read only" if read_only else "read and write"
