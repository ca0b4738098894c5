"""Names that become paths, labels and profile slugs: checked once, here, when they enter."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
PERSON = re.compile(r"[a-z0-9_][a-z0-9._-]{0,62}")
PERSON_RULE = "a login name has a-z, 0-9, '.', '_' and '-', begins with neither '.' nor '-', and has at most 63 of them"
# As a directory or a login has it; a name that goes into a server is a unix group's.
GROUP = re.compile(r"\S(?:.{0,253}\S)?")
UNIX_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")


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


def is_same_person(text: str, name: str) -> bool:
    """Whether a directory that has `text` means the login `name`: capitals of A to Z count for nothing, all else does.

    So no letter that becomes one of a-z in lower case, or looks like one, makes somebody another person.
    """
    return text.isascii() and text.lower() == name


def is_group(text: str) -> bool:
    """A group's name in a directory or a login: any that is one line and can be seen."""
    return GROUP.fullmatch(text) is not None and text.isprintable()


def _person(text: str) -> str:
    if not is_person(text):
        lower = text.lower()
        hint = f", {lower!r}" if is_same_person(text, lower) and is_person(lower) else ""
        raise ValueError(f"{text[:80]!r} is no login name: {PERSON_RULE}; write the name that the hub shows{hint}")
    return text


def _group(text: str) -> str:
    if not is_group(text):
        raise ValueError(f"{text[:80]!r} is no group's name; write one line of 1 to 255 characters that can be seen")
    return text


def _entry(text: str) -> str:
    if text.startswith("@"):
        if not is_group(text[1:]):
            raise ValueError(f"{text[:80]!r} is no group; write @ and the group's name as the directory has it")
        return text
    return _person(text)


PersonName = Annotated[str, StringConstraints(strict=True), AfterValidator(_person)]
GroupName = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_group),
    written_as(GROUP.pattern, "write a group's name"),
]
UnixGroupName = Annotated[
    str,
    *matching(UNIX_GROUP.pattern, "write a unix group's name of letters, digits, '.', '_' and '-'"),
]
PersonOrGroup = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_entry),
    written_as(f"{PERSON.pattern}|@{GROUP.pattern}", "write a login name in lower case, or @ and a group's name"),
]
# The uid and the gid to which NFS servers map (squash) root, and -1 in 16 bits.
NOBODY = (65534, 65535)


def _somebodys(gid: int) -> int:
    if gid in NOBODY:
        raise ValueError(f"{gid} is nobody's on file servers; write the group's own")
    return gid


# Below 1000 are the system's; the kernel's largest is 2**32 - 2, NFS servers and tools stop at a signed int.
Gid = Annotated[int, Field(strict=True, ge=1000, le=2**31 - 2), AfterValidator(_somebodys)]
Uid = Annotated[int, Field(strict=True, ge=1, le=2**31 - 2)]
