"""What a request of `protocol` does on the volume, and the answer; each door calls it."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from coursehub.limits import Limit
from coursehub.protocol import (
    CheckRequest,
    CourseRequest,
    HomeRequest,
    PeopleRequest,
    QuotaRequest,
    Request,
    UsageRequest,
)
from coursehub.storage import usage

from .check import CourseTree, Inspector
from .volume import Change, Volume


def answer(request: Request, volume: Volume, *, dry_run: bool) -> dict[str, Any]:
    """What was done or found, as JSON; Refused or OSError where it could not be done."""
    match request:
        case HomeRequest():
            return _changes(volume.home(request.name, request.uid, request.gid, dry_run=dry_run))
        case CourseRequest():
            said = volume.course(request.slug, request.gid, request.data, archived=request.archived, dry_run=dry_run)
            return _changes(said)
        case PeopleRequest():
            return {"people": [asdict(tenant) for tenant in volume.people()]}
        case CheckRequest():
            course = CourseTree(request.slug, request.gid, request.data, request.archived)
            inspector = Inspector(volume.root, repair=request.repair and not dry_run)
            return {"findings": [asdict(finding) for finding in chain(inspector.top(), inspector.course(course))]}
        case UsageRequest():
            return {"usage": [asdict(each) for each in usage.usage(volume)]}
        case QuotaRequest(home=str(name)):
            limits = {name: request.limit}
            return {"limits": [asdict(e) for e in usage.limit_homes(volume, limits, Limit(), dry_run=dry_run)]}
        case QuotaRequest(course=str(slug), gid=int(gid)):
            courses = [(slug, gid, request.limit)]
            return {"limits": [asdict(each) for each in usage.limit_courses(volume, courses, dry_run=dry_run)]}
    raise AssertionError(request)


def _changes(changes: Sequence[Change]) -> dict[str, Any]:
    return {"changes": [asdict(change) for change in changes]}
