"""What a request of `protocol` does on the volume, and the reply; each door calls it."""

from itertools import chain

from coursehub.limits import Limit
from coursehub.protocol import (
    ChangesReply,
    CheckRequest,
    CourseRequest,
    FaultsReply,
    HomeRequest,
    LimitsReply,
    PeopleReply,
    PeopleRequest,
    QuotaRequest,
    Reply,
    Request,
    UsageReply,
    UsageRequest,
)

from . import usage
from .check import CourseTree, Inspector
from .volume import Volume


def answer(request: Request, volume: Volume, *, dry_run: bool) -> Reply:
    """What was done or found; Refused or OSError where it could not be done."""
    match request:
        case HomeRequest():
            changes = volume.home(request.name, request.uid, request.gid, dry_run=dry_run)
            return ChangesReply(tuple(changes))
        case CourseRequest(slug=slug, gid=gid, data=data, archived=archived):
            changes = volume.course(slug, gid, data, archived=archived, dry_run=dry_run)
            return ChangesReply(tuple(changes))
        case PeopleRequest():
            return PeopleReply(tuple(volume.people()))
        case CheckRequest():
            course = CourseTree(request.slug, request.gid, request.data, request.archived)
            inspector = Inspector(volume.root, repair=request.repair and not dry_run)
            return FaultsReply(tuple(chain(inspector.top(), inspector.course(course))))
        case UsageRequest():
            return UsageReply(tuple(usage.usage(volume)))
        case QuotaRequest(home=str(name)):
            limits = {name: request.limit}
            return LimitsReply(tuple(usage.limit_homes(volume, limits, Limit(), dry_run=dry_run)))
        case QuotaRequest(course=str(slug), gid=int(gid)):
            courses = [(slug, gid, request.limit)]
            return LimitsReply(tuple(usage.limit_courses(volume, courses, dry_run=dry_run)))
    raise AssertionError(request)
