"""The start page's list of choices, as HTML in which everything from the course file is text."""

from collections.abc import Sequence
from datetime import date

from jinja2 import Environment, PackageLoader

from .access import Choice
from .profiles import Role

_template = Environment(loader=PackageLoader("coursehub", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True)

_HEADINGS = {Role.INSTRUCTOR: "You teach", Role.STUDENT: "Your courses", Role.GENERAL: "Outside courses"}


def render(choices: Sequence[Choice], *, selected: str | None, message: str | None, today: date) -> str:
    """The form's inside: one radio named `profile` a choice, under headings; `message` says why something is not there.

    `selected` is preselected where it is on offer, else the first that is shown.
    """
    groups = [(_HEADINGS[role], [each for each in choices if each.profile.role is role]) for role in _HEADINGS]
    slugs = [choice.profile.slug for _, members in groups for choice in members]
    return _template.get_template("page.html").render(
        groups=[(heading, members) for heading, members in groups if members],
        selected=selected if selected in slugs else next(iter(slugs), None),
        message=message,
        today=today,
    )
