"""What a request of `protocol` does on the volume, and the reply; each door calls it."""

from dataclasses import dataclass
from itertools import chain

from coursehub import pins
from coursehub.errors import Refused
from coursehub.ids import GidRange
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
    Tenant,
    UsageReply,
    UsageRequest,
)

from . import people, usage
from .check import Inspector
from .course import CourseTree
from .volume import Volume


@dataclass(frozen=True)
class Bounds:
    """What a door may be asked: its verbs, and courses with these gids; `door` and `where` say it to whoever asks."""

    door: str
    where: str
    verbs: frozenset[str]
    gids: GidRange | None

    def hold(self, request: Request) -> None:
        """Raises Refused for a request outside."""
        verb, gid = request.verb, getattr(request, "gid", None)
        if verb not in self.verbs:
            listed = ", ".join(sorted(self.verbs)) or "nothing"
            raise Refused(f"{self.door} may be asked for {listed}, not for {verb}; {self.where} says so")
        if gid is None:
            return
        if self.gids is None:
            # Somebody's home alone is no course's.
            if not isinstance(request, HomeRequest) or request.course is not None:
                no = "has no --gids, their range of gids"
                raise Refused(f"{self.door} may be asked for no course: {self.where} {no}")
        elif isinstance(request, HomeRequest):
            if gid in self.gids:
                raise Refused(f"the primary group {gid} is kept for courses ({self.gids}), so nobody's home has it")
        elif gid not in self.gids:
            gids = f"courses with gids {self.gids}"
            raise Refused(f"{self.door} may be asked for {gids}, not {gid}; {self.where} says so")


def answer(request: Request, volume: Volume, *, dry_run: bool) -> Reply:
    """What was done or found; Refused or OSError where it could not be done."""
    match request:
        case HomeRequest(name=name, uid=uid, gid=gid):
            changes = volume.home(name, uid, gid, dry_run=dry_run)
            if request.course is not None:
                changes += people.enter(volume.root, request.course, Tenant(name, uid, gid), dry_run=dry_run)
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
            pins.hold_course(volume.root, slug, gid)
            courses = [(slug, gid, request.limit)]
            return LimitsReply(tuple(usage.limit_courses(volume, courses, dry_run=dry_run)))
    raise AssertionError(request)
