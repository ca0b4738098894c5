"""Names that become paths, labels and profile slugs: checked once, here, when they enter."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
PERSON = re.compile(r"[a-z][a-z0-9._-]{0,62}")
GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,62}")


def written_as(pattern: str, instead: str) -> WithJsonSchema:
    """The JSON Schema of a text: its whole pattern, and in words what to write otherwise, which editors show."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", "patternErrorMessage": instead})


def matching(pattern: str, instead: str) -> tuple[Any, ...]:
    """Metadata of a text that matches `pattern` from end to end; `instead` says what to write otherwise."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"{instead}, not {text[:60]!r}")
        return text

    return StringConstraints(strict=True), AfterValidator(check), written_as(pattern, instead)


def is_slug(text: str) -> bool:
    """A course's slug: safe as a directory, a label and a part of a profile's slug."""
    return SLUG.fullmatch(text) is not None and "--" not in text


def is_person(text: str) -> bool:
    """A person's login name: safe as a directory, free of braces and slashes."""
    return PERSON.fullmatch(text) is not None


def _person(text: str) -> str:
    if not is_person(text):
        raise ValueError(f"{text!r} is no login name; write it in lower case, as the directory has it")
    return text


def _group(text: str) -> str:
    if GROUP.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no group's name; write letters, digits, '.', '_' and '-'")
    return text


def _entry(text: str) -> str:
    if text.startswith("@"):
        if GROUP.fullmatch(text[1:]) is None:
            raise ValueError(f"{text!r} is no group; write @ and the group's name")
        return text
    return _person(text)


PersonName = Annotated[str, StringConstraints(strict=True), AfterValidator(_person)]
GroupName = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_group),
    written_as(GROUP.pattern, "write a group's name"),
]
PersonOrGroup = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_entry),
    written_as(f"{PERSON.pattern}|@{GROUP.pattern}", "write a login name in lower case, or @ and a group's name"),
]
# Below 1000 are the system's; the kernel's largest is 2**32 - 2, NFS servers and tools stop at a signed int.
Gid = Annotated[int, Field(strict=True, ge=1000, le=2**31 - 2)]
Uid = Annotated[int, Field(strict=True, ge=1, le=2**31 - 2)]
