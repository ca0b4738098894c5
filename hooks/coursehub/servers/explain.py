"""Whether any person may start what, why or why not, and what their server would be, before anybody starts anything."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from coursehub.config import durations, resources, timetable
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.config.resources import Amount
from coursehub.config.settings import Settings
from coursehub.errors import GateClosed, Refused
from coursehub.person import Person

from . import access, manifest, plan
from .plan import PodPlan
from .site_module import Adjust, adjusted


@dataclass(frozen=True)
class Explanation:
    """One profile for one person: the sentence says why, or why not; a plan is there where they may."""

    profile: Profile
    allowed: bool
    sentence: str
    plan: PodPlan | None = None


def answer(
    person: Person,
    catalog: Catalog,
    settings: Settings,
    now: datetime,
    *,
    course: str | None = None,
    role: Role | None = None,
    adjust: Adjust | None = None,
) -> dict[str, Any]:
    """Plain data on what `person` may start `now`: in one course or all that concern them, in a role or each.

    `class` is when the course's class is that runs or comes next, in words.
    """
    slugs = [course] if course else [known.slug for known in catalog.of(person)]
    profiles = [Profile(kind, slug) for slug in slugs for kind in (Role.INSTRUCTOR, Role.GRADING, Role.STUDENT)]
    if course is None:
        profiles.append(GENERAL)
    wanted = [profile for profile in profiles if role in (None, profile.role)]
    today = settings.day(now)
    explanations = [explain(person, profile, catalog, settings, today, adjust) for profile in wanted]
    classes = {
        slug: timetable.said(catalog.courses[slug], settings.zone, now) for slug in slugs if slug in catalog.courses
    }
    return {
        "user": person.name,
        "profiles": [_data(each) | {"class": classes.get(each.profile.course or "")} for each in explanations],
    }


def explain(
    person: Person, profile: Profile, catalog: Catalog, settings: Settings, today: date, adjust: Adjust | None = None
) -> Explanation:
    """Whether `person` may start `profile` on the day, and the plan of the server."""
    try:
        course = access.decide(person, profile, catalog, today)
        planned = plan.make(person, profile, course, settings, today)
        if adjust is not None:
            planned = adjusted(planned, adjust, settings)
    except (Refused, GateClosed) as refusal:
        return Explanation(profile, False, str(refusal))
    return Explanation(profile, True, _why(person, profile, course, today), planned)


def _why(person: Person, profile: Profile, course: Course | None, today: date) -> str:
    if course is None:
        return f"{person.name} is known in the directory, which is enough outside courses."
    if profile.role.teaches:
        rest = "; it is archived, so everything of it is read only" if course.is_archived(today) else ""
        return f"{person.name} teaches it: {_as_instructor(person, course)}{rest}."
    until = f" until {course.close}" if course.close else ""
    return f"{person.name} takes it: {_as_student(person, course)}; it is open{until}."


def _as_instructor(person: Person, course: Course) -> str:
    if person.name in course.instructors:
        return "listed by name under instructors"
    for entry in course.instructors:
        if entry.startswith("@") and entry[1:] in person.group_names:
            return f"a member of {entry} under instructors"
    if course.gid in person.gids:
        return f"a member of the course's unix group {course.gid}"
    return "an admin of the site"


def _as_student(person: Person, course: Course) -> str:
    if course.public:
        return "open to everyone"
    if person.name in course.students:
        return "listed by name under students"
    entry = next(entry for entry in course.students if entry.startswith("@") and entry[1:] in person.group_names)
    return f"a member of {entry} under students"


def _data(explanation: Explanation) -> dict[str, Any]:
    return {
        "profile": explanation.profile.slug,
        "course": explanation.profile.course,
        "role": str(explanation.profile.role),
        "allowed": explanation.allowed,
        "why": explanation.sentence,
        "plan": dict(_rows(explanation.plan)) if explanation.plan else None,
    }


def text(answer: dict[str, Any]) -> Iterator[str]:
    """An answer's lines for people to read, with the plan where the answer is about one profile."""
    entries = answer["profiles"]
    width = max((len(entry["profile"]) for entry in entries), default=0)
    for entry in entries:
        # A hub of an earlier version says none.
        when = f" Class: {entry['class']}." if entry["allowed"] and entry.get("class") else ""
        yield f"{entry['profile']:{width}}  {'yes' if entry['allowed'] else 'no ':3}  {entry['why']}{when}"
    if len(entries) == 1 and (planned := entries[0]["plan"]):
        yield ""
        for name, value in planned.items():
            lines = _lines(value)
            yield f"{name:12}{lines[0] if lines else '-'}"
            yield from (f"{'':12}{line}" for line in lines[1:])


def _lines(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}={item}" for key, item in value.items()]
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def _rows(planned: PodPlan) -> Iterator[tuple[str, Any]]:
    yield "uid", planned.uid
    yield "gid", planned.gid
    yield "groups", [f"{gid} {name}" for gid, name in planned.groups]
    yield "umask", planned.environment["COURSEHUB_UMASK"]
    yield "image", planned.image
    yield "limits", _amounts(planned.limits) | manifest.devices(planned)
    yield "guarantees", _amounts(planned.guarantees)
    yield "nodes", dict(planned.node.node_selector) or None
    yield "mounts", [_mount(mount) for mount in planned.mounts]
    yield (
        "stopped",
        {key: durations.text(value) for key, value in asdict(planned.lifetime).items() if value is not None} or None,
    )
    yield "environment", dict(sorted(planned.environment.items()))
    yield "secrets", {name: f"{source.key} of {source.secret}" for name, source in planned.secrets.items()} or None
    yield "warnings", list(planned.warnings)


def _amounts(amount: Amount) -> dict[str, str]:
    sizes = {"memory": amount.memory, "scratch": amount.scratch}
    written = {name: resources.written(size) for name, size in sizes.items() if size}
    return {"cpu": f"{amount.cpu:g}", **written} if amount.cpu else written


def _mount(mount: plan.Mount) -> str:
    source = f" from {mount.volume}:{mount.sub_path}" if mount.sub_path else f" from {mount.volume}"
    return f"{mount.path}{source} ({'read only' if mount.read_only else 'read and write'})"
