"""Who somebody is to the operating system: name, uid, gid and groups, from the site's directory."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from coursehub.config.settings import FileDirectory, Settings
from coursehub.errors import Reason, Refused
from coursehub.ids import NOBODY, Gid, Uid
from coursehub.log import Log
from coursehub.names import PERSON_RULE, is_group, is_person
from coursehub.person import Group, Person

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_UID: TypeAdapter[int] = TypeAdapter(Uid)
_GID: TypeAdapter[int] = TypeAdapter(Gid)


@dataclass(frozen=True)
class Answer:
    """A person in the directory, and the time of the look-up."""

    person: Person
    asked: datetime


class Provider(Protocol):
    """A kind of directory; may block."""

    def find(self, name: str) -> Person | None:
        """The person called `name`, or None where there is none; OSError where the directory does not answer."""


class Source(Protocol):
    """Where the hub and the command look people up; never blocks the event loop."""

    async def find(self, name: str) -> Answer | None:
        """The answer about `name`, or None where there is nobody; OSError where the directory does not answer."""


@dataclass(frozen=True)
class FileProvider:
    """People from the site's values."""

    directory: FileDirectory

    def find(self, name: str) -> Person | None:
        """See Provider.find."""
        entry = self.directory.people.get(name)
        if entry is None:
            return None
        groups = tuple(Group(group, self.directory.groups[group]) for group in entry.groups)
        return Person(name, entry.uid, entry.gid, groups)


@dataclass(frozen=True)
class Direct:
    """A provider that has everything in memory, without threads or cache."""

    provider: Provider

    async def find(self, name: str) -> Answer | None:
        """See Source.find."""
        person = self.provider.find(name)
        return None if person is None else Answer(person, datetime.now(UTC))


def unix_person(
    name: str, uid: object, gid: object, groups: Iterable[tuple[object, object]], log: Log
) -> Person | None:
    """The person in a directory's answer; None where uid or gid is no number within the bounds of `names`.

    Groups are (name, gid), with None for a group without a gid. A group that cannot be used is left out: that gives
    fewer rights, never more. The log says what was left out and why.
    """
    try:
        found = Person(name, _UID.validate_python(_number(uid)), _GID.validate_python(_number(gid)))
    except ValidationError as error:
        bounds = error.errors()[0]["msg"]
        log.warning("directory: %s is nobody here: uid %.40r, gid %.40r: %s", name, uid, gid, bounds)
        return None
    unix: list[Group] = []
    plain: set[str] = set()
    for group, number in groups:
        if not isinstance(group, str) or not is_group(group):
            log.info(
                "directory: %s: group %.80r is left out: its name is not one line of 1 to 255 characters", name, group
            )
        elif number is None:
            plain.add(group)
        else:
            try:
                unix.append(Group(group, _GID.validate_python(_number(number))))
            except ValidationError as error:
                log.info(
                    "directory: %s: group %s is left out: gid %.40r: %s", name, group, number, error.errors()[0]["msg"]
                )
    return replace(found, groups=tuple(unix), hub_groups=frozenset(plain))


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


async def look_up(source: Source, name: str, settings: Settings, hub_groups: Iterable[str] = ()) -> Answer:
    """The answer about `name`, who is also in `hub_groups`; raises Refused for somebody who may have no server."""
    if not is_person(name):
        raise Refused(
            f"The account name {name!r} cannot have a server here: {PERSON_RULE}. Please contact the administrators.",
            Reason.ACCOUNT,
        )
    try:
        answer = await source.find(name)
    except OSError:
        raise Refused(
            "The university's directory does not answer. Please try again in a few minutes.", Reason.DIRECTORY_AWAY
        ) from None
    if answer is None or answer.person.name != name:
        raise Refused(
            f"The account {name!r} is not known in the university's directory, so no server can be started for it. "
            "If you joined recently, try again tomorrow; otherwise contact the administrators.",
            Reason.ACCOUNT,
        )
    person = answer.person
    below = f", below {settings.minimum_uid}" if person.uid < settings.minimum_uid else ""
    if below or person.uid in NOBODY:
        raise Refused(
            f"The account {name!r} is a system account (uid {person.uid}{below}) and cannot have a server. "
            "Please use your personal account.",
            Reason.ACCOUNT,
        )
    if settings.autograding.uid in (person.uid, person.gid):
        # What is graded runs as this one, and would be at home in theirs.
        raise Refused(
            f"The account {name!r} has the uid or the primary group {settings.autograding.uid}, which is kept for "
            "grading submissions, so no server can be started for it. Please contact the administrators.",
            Reason.ACCOUNT,
        )
    if settings.course_gids is not None and person.gid in settings.course_gids:
        # Such a person would be one of the course's instructors, and all their files the course's.
        raise Refused(
            f"The account {name!r} has the primary group {person.gid}, which is kept for courses, so no server can be "
            "started for it. Please contact the administrators.",
            Reason.ACCOUNT,
        )
    person = replace(person, admin=name in settings.admins, hub_groups=person.hub_groups.union(hub_groups))
    return replace(answer, person=person)
