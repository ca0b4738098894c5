"""Who may start what, and why not: one decision for the page, the form's POST and the REST API."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date

from coursehub.config.catalog import Catalog
from coursehub.config.course import Course, Standing, standing
from coursehub.config.profiles import GENERAL, Profile, Role
from coursehub.errors import Reason, Refused
from coursehub.person import Person


@dataclass(frozen=True)
class Choice:
    """A profile with its course, as shown on the page; `refusal` says why it cannot be started today."""

    profile: Profile
    course: Course | None
    refusal: str | None = None


def decide(person: Person, profile: Profile, catalog: Catalog, today: date) -> Course | None:
    """The profile's course where `person` may start it today (None for general use); raises Refused with the reason."""
    if profile.course is None:
        return None
    course = catalog.courses.get(profile.course)
    if course is None:
        raise Refused(
            f"There is no course '{profile.course}' here. Choose one of the courses on the start page.", Reason.CHOICE
        )
    match profile.role:
        case Role.INSTRUCTOR:
            refusal = _not_instructor(person, course)
        case Role.GRADING:
            refusal = _not_grader(person, course, today)
        case _:
            refusal = _not_student(person, course, today)
    if refusal:
        raise refusal
    return course


def follow(person: Person, profile: Profile, catalog: Catalog, today: date) -> Profile:
    """Where a link to `profile` leads `person`: an instructor who cannot be a student goes as instructor.

    Raises Refused with the reason where it leads nowhere. So one link serves a course's students and its teachers.
    """
    try:
        decide(person, profile, catalog, today)
    except Refused:
        course = catalog.courses.get(profile.course or "")
        if profile.role is Role.STUDENT and course is not None and _not_instructor(person, course) is None:
            return Profile(Role.INSTRUCTOR, course.slug)
        raise
    return profile


def choices(person: Person, catalog: Catalog, today: date) -> Iterator[Choice]:
    """What the page shows to `person`: what they may start today, and what they take that is not open, with the reason.

    In the file's order, general use last. What is archived is not shown to students, and the dates of a course say to
    its instructors that it is not open.
    """
    for course in catalog.of(person):
        teaches = _not_instructor(person, course) is None
        if teaches:
            yield Choice(Profile(Role.INSTRUCTOR, course.slug), course)
            if _not_grader(person, course, today) is None:
                yield Choice(Profile(Role.GRADING, course.slug), course)
        if _takes(person, course) and not course.is_archived(today):
            refusal = _not_student(person, course, today)
            if refusal is None or not teaches:
                yield Choice(Profile(Role.STUDENT, course.slug), course, str(refusal) if refusal else None)
    yield Choice(GENERAL, None)


def _not_instructor(person: Person, course: Course) -> Refused | None:
    if person.admin or _among(person, course.instructors) or course.gid in person.gids:
        return None
    return Refused(
        f"You are not an instructor of '{course.name}'. Its instructors can add you, "
        "or start the course as a student if you take it.",
        Reason.NOT_LISTED,
    )


def _not_grader(person: Person, course: Course, today: date) -> Refused | None:
    if refusal := _not_instructor(person, course):
        return refusal
    if course.gid is None:
        return Refused(
            f"The course '{course.name}' has no folders, so there is nothing to grade. Start it as instructor.",
            Reason.CHOICE,
        )
    if course.is_archived(today):
        return Refused(
            f"The course '{course.name}' is archived, so nothing of it is graded. Start it as instructor to read it.",
            Reason.NOT_OPEN,
        )
    return None


def _not_student(person: Person, course: Course, today: date) -> Refused | None:
    if not _takes(person, course):
        return Refused(
            f"You are not on the list of '{course.name}'. If you take this course, ask its teacher to add you.",
            Reason.NOT_LISTED,
        )
    match standing(course, today):
        case Standing.ARCHIVED:
            when = f"has been archived since {course.archive} and cannot be started any more."
        case Standing.NOT_YET_OPEN:
            when = f"opens on {course.open}. Please come back then."
        case Standing.CLOSED:
            when = f"closed after {course.close}. Ask its teacher if you still need it."
        case Standing.OPEN:
            return None
    return Refused(f"The course '{course.name}' {when}", Reason.NOT_OPEN)


def _takes(person: Person, course: Course) -> bool:
    return course.public or _among(person, course.students)


def _among(person: Person, entries: Container[str]) -> bool:
    return person.name in entries or any(f"@{name}" in entries for name in person.group_names)
