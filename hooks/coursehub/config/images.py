"""Images by alias: the site names them with their history, and a course chooses one, perhaps as of a day."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from coursehub.names import matching, written_as

ALIAS = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_CHOICE = re.compile(rf"({ALIAS})(?:@([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}))?")
_REFERENCE = re.compile(
    r"(?P<name>[^\s@]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)


def pinned(reference: str) -> str:
    """The reference, if it always means one image, by a tag other than latest or a digest; else raises ValueError."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"{reference!r} is no image; write it as registry.example.edu/teaching/python:2026-08-15")
    if not found["digest"] and found["tag"] in (None, "latest"):
        raise ValueError(
            f"{reference!r} can be another image tomorrow; write its tag (not latest) or @sha256:… behind it"
        )
    return reference


def _choice(text: str) -> str:
    parse(text)
    return text


Reference = Annotated[str, StringConstraints(strict=True), AfterValidator(pinned)]
Versions = Annotated[
    Annotated[Reference, Tag("one")] | Annotated[Mapping[date, Reference], Field(min_length=1), Tag("history")],
    Discriminator(lambda value: "history" if isinstance(value, Mapping) else "one"),
]
Alias = Annotated[str, *matching(ALIAS, "write a-z, 0-9 and - inside")]
ImageChoice = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_choice),
    written_as(_CHOICE.pattern, "write one of the site's names, or with a day, as python@2026-08-15"),
]


class Unavailable(LookupError):
    """The site has no such image; the message says what it has."""


@dataclass(frozen=True)
class Pull:
    """An image that nodes should have before a class begins, and who runs it: slugs of courses, or general use."""

    reference: str
    choice: str
    users: tuple[str, ...]

    @property
    def name(self) -> str:
        """A name of the puller's container: an alias and perhaps a day."""
        return self.choice.replace("@", "-")


def parse(choice: str) -> tuple[str, date | None]:
    """The alias in `python` or `python@2026-08-15`, and the day; raises ValueError for anything else."""
    found = _CHOICE.fullmatch(choice)
    if found is None:
        raise ValueError(f"{choice!r} is no image; write one of the site's names, or with a day, as python@2026-08-15")
    try:
        return found[1], date.fromisoformat(found[2]) if found[2] else None
    except ValueError:
        raise ValueError(f"{choice!r} holds no day; write one as python@2026-08-15") from None


def reference(images: Mapping[str, str | Mapping[date, str]], choice: str) -> str:
    """The full reference of what a course chose: the newest, or the newest on the day. Raises Unavailable."""
    alias, day = parse(choice)
    history = images.get(alias)
    if history is None:
        known = ", ".join(sorted(images)) or "none yet"
        raise Unavailable(f"the site has no image '{alias}'; take one of: {known}")
    if isinstance(history, str):
        if day is None:
            return history
        raise Unavailable(f"the site keeps no history of '{alias}'; write it without the day")
    days = [begin for begin in history if day is None or begin <= day]
    if not days:
        raise Unavailable(f"'{alias}' begins on {min(history)}; write that day or a later one")
    return history[max(days)]


def pulls(wanted: Iterable[tuple[str, str]], images: Mapping[str, str | Mapping[date, str]]) -> list[Pull]:
    """Each image once, in the order of `wanted`, which has pairs of (user, choice)."""
    found: dict[str, Pull] = {}
    for user, choice in wanted:
        wanted_reference = reference(images, choice)
        known = found.get(wanted_reference, Pull(wanted_reference, choice, ()))
        found[wanted_reference] = replace(known, users=tuple(dict.fromkeys((*known.users, user))))
    return list(found.values())


def prepuller(pulled: Iterable[Pull]) -> dict[str, Any]:
    """Values of z2jh with which its puller fetches the images; the first stands in for upstream's sample image."""
    first, *others = [(pull.name, _split(pull.reference)) for pull in pulled]
    return {
        "singleuser": {"image": first[1]},
        "prePuller": {"continuous": {"enabled": True}, "extraImages": dict(others)},
    }


def _split(reference: str) -> dict[str, str]:
    """Name and tag for z2jh, which joins them by a colon again."""
    name, _, tag = reference.rpartition(":")
    found = _REFERENCE.fullmatch(reference)
    if found and found["tag"] and found["digest"]:
        name, tag = reference[: found.start("tag") - 1], reference[found.start("tag") :]
    return {"name": name, "tag": tag}
