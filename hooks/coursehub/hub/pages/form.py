"""The start page's words: the choices, as HTML in which everything from the course file is text, and what runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from jinja2 import Environment, PackageLoader

from coursehub.config.catalog import Catalog
from coursehub.config.course import Course, Standing, standing
from coursehub.config.profiles import Profile, Role
from coursehub.hub.notices.notice import Notice
from coursehub.servers.access import Choice

# So many are found at a glance; more get a box to search them.
GLANCE = 10
# What a server is for, where that is no profile, or nobody's to say yet.
GONE = "something that is not on offer any more"
CHOSEN = "what you chose"

_template = Environment(
    loader=PackageLoader("coursehub.hub.pages", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def render(
    choices: Sequence[Choice],
    *,
    selected: str | None,
    message: str | None,
    today: date,
    courses: str,
    notices: Sequence[Notice] = (),
    notices_of: Callable[[str], Sequence[Notice]] = lambda _: (),
    class_of: Callable[[Course], str | None] = lambda _: None,
) -> str:
    """The form's inside: one radio named `profile` a choice, under headings; `message` says why something is not there.

    `notices` stand above them, and the `notices_of` a course, by slug, at its entry, as is the next `class_of` a course
    in words. `courses` is the page's path.
    `selected` is preselected where it is on offer, else the first that is shown. What cannot be started today has no
    radio; it stands at the end, folded, with the reason.
    """
    groups: dict[str, list[Choice]] = {
        "You teach": [],
        "You take": [],
        "Open to everyone": [],
        "Outside courses": [],
    }
    for choice in choices:
        if choice.refusal is None:
            groups[_heading(choice)].append(choice)
    slugs = [choice.profile.slug for members in groups.values() for choice in members]
    return _template.get_template("choices.html").render(
        groups={heading: members for heading, members in groups.items() if members},
        closed=[choice for choice in choices if choice.refusal is not None],
        selected=selected if selected in slugs else next(iter(slugs), None),
        searchable=len(slugs) > GLANCE,
        courses=courses,
        message=message,
        notices=notices,
        notices_of=notices_of,
        class_of=class_of,
        standing=lambda course: standing(course, today),
        Standing=Standing,
    )


def _heading(choice: Choice) -> str:
    if choice.course is None:
        return "Outside courses"
    if choice.profile.role is not Role.STUDENT:
        return "You teach"
    return "Open to everyone" if choice.course.public else "You take"


@dataclass(frozen=True)
class Running:
    """What a server is for, in words; `linked` names what a link leads to, `message` says why it leads nowhere.

    `grades` is the slug of the course of which it can grade. `notices` are for its owner.
    """

    slug: str
    name: str
    linked: str | None = None
    already: bool = False
    message: str | None = None
    grades: str | None = None
    notices: Sequence[Notice] = ()


def running(
    runs: Profile | None,
    linked: Profile | None,
    catalog: Catalog,
    message: str | None,
    today: date,
    notices: Sequence[Notice] = (),
    unknown: str = GONE,
) -> Running:
    """What to say of a server started as `runs`, to somebody who followed a link to `linked`."""
    return Running(
        slug=runs.slug if runs else "",
        name=_name(runs, catalog) if runs else unknown,
        linked=_name(linked, catalog) if linked else None,
        already=linked is not None and runs is not None and runs in (linked, Profile(Role.INSTRUCTOR, linked.course)),
        message=message,
        grades=_graded(runs, catalog, today) if runs else None,
        notices=notices,
    )


def _graded(profile: Profile, catalog: Catalog, today: date) -> str | None:
    course = catalog.courses.get(profile.course or "") if profile.role.teaches else None
    return course.slug if course and course.gid is not None and not course.is_archived(today) else None


def _name(profile: Profile, catalog: Catalog) -> str:
    if profile.course is None:
        return "General use (no course)"
    course = catalog.courses.get(profile.course)
    name = course.name if course else f"the course '{profile.course}', which is not on offer any more"
    return name if profile.role is Role.STUDENT else f"{name}, as {profile.role}"
