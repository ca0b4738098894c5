"""What can be chosen on the start page: a course in a role, or general use."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coursehub.names import is_slug


class Role(StrEnum):
    """In which role somebody uses a server."""

    GENERAL = "general"
    STUDENT = "student"
    INSTRUCTOR = "instructor"
    GRADING = "grading"

    @property
    def teaches(self) -> bool:
        """It is for a course's instructors, and with their values of the course file."""
        return self in (Role.INSTRUCTOR, Role.GRADING)


@dataclass(frozen=True)
class Profile:
    """One choice; `course` is the course's slug, None for general use."""

    role: Role
    course: str | None = None

    @property
    def slug(self) -> str:
        """The form's value: `general`, `<course>` or `<course>--<role>` (a course's slug holds no `--`)."""
        if self.course is None:
            return GENERAL_SLUG
        return self.course if self.role is Role.STUDENT else f"{self.course}--{self.role}"


GENERAL_SLUG = "general"
GENERAL = Profile(Role.GENERAL)


def parse(slug: str) -> Profile | None:
    """The profile that `slug` means, or None where no profile can have that slug."""
    if slug == GENERAL_SLUG:
        return GENERAL
    course, separator, role = slug.partition("--")
    if not is_slug(course):
        return None
    if not separator:
        return Profile(Role.STUDENT, course)
    return next((Profile(each, course) for each in Role if each.teaches and each == role), None)


def named(options: object) -> str | None:
    """The slug that user options name: general use where they leave it out, None where they hold none."""
    slug = options.get("profile", GENERAL_SLUG) if isinstance(options, Mapping) else None
    return slug if isinstance(slug, str) else None


def of(options: object) -> Profile | None:
    """The profile that user options ask for; None where no profile can have the slug that they name, or they none."""
    slug = named(options)
    return None if slug is None else parse(slug)
