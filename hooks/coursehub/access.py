"""Who may start what, and why not: one decision for the page, the form's POST and the REST API."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date

from .course import Course
from .courses import Catalog
from .errors import Refused
from .identity import Person
from .profiles import GENERAL, Profile, Role


@dataclass(frozen=True)
class Choice:
    """A profile with its course, as offered on the page."""

    profile: Profile
    course: Course | None


def decide(person: Person, profile: Profile, catalog: Catalog, today: date) -> Course | None:
    """The profile's course where `person` may start it today (None for general use); raises Refused with the reason."""
    if profile.course is None:
        return None
    course = catalog.courses.get(profile.course)
    if course is None:
        raise Refused(f"There is no course '{profile.course}' here. Choose one of the courses on the start page.")
    refusal = (
        _not_instructor(person, course) if profile.role is Role.INSTRUCTOR else _not_student(person, course, today)
    )
    if refusal:
        raise Refused(refusal)
    return course


def choices(person: Person, catalog: Catalog, today: date) -> Iterator[Choice]:
    """Everything that `person` may start today, courses in the file's order, general use last."""
    for course in catalog.of(person):
        if _not_instructor(person, course) is None:
            yield Choice(Profile(Role.INSTRUCTOR, course.slug), course)
        if _not_student(person, course, today) is None:
            yield Choice(Profile(Role.STUDENT, course.slug), course)
    yield Choice(GENERAL, None)


def _not_instructor(person: Person, course: Course) -> str | None:
    if person.admin or _among(person, course.instructors) or course.gid in person.gids:
        return None
    return (
        f"You are not an instructor of '{course.name}'. Its instructors can add you, "
        "or start the course as a student if you take it."
    )


def _not_student(person: Person, course: Course, today: date) -> str | None:
    if not (course.public or _among(person, course.students)):
        return f"You are not on the list of '{course.name}'. If you take this course, ask its teacher to add you."
    if course.is_archived(today):
        return f"The course '{course.name}' has been archived since {course.archive} and cannot be started any more."
    if course.open is not None and today < course.open:
        return f"The course '{course.name}' opens on {course.open}. Please come back then."
    if course.close is not None and today > course.close:
        return f"The course '{course.name}' closed after {course.close}. Ask its teacher if you still need it."
    return None


def _among(person: Person, entries: Container[str]) -> bool:
    return person.name in entries or any(f"@{name}" in entries for name in person.group_names)
