"""Who somebody is to the operating system: name, uid, gid and groups, from the site's directory."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from .errors import Refused
from .names import is_person
from .settings import FileDirectory, Settings


@dataclass(frozen=True)
class Group:
    """A unix group."""

    name: str
    gid: int


@dataclass(frozen=True)
class Person:
    """Somebody as the directory and the site know them."""

    name: str
    uid: int
    gid: int
    groups: tuple[Group, ...] = ()
    admin: bool = False

    @cached_property
    def gids(self) -> frozenset[int]:
        """Every gid of the person, the primary included."""
        return frozenset({self.gid, *(group.gid for group in self.groups)})


class Provider(Protocol):
    """A source of people."""

    async def find(self, name: str) -> Person | None:
        """The person called `name`, or None where there is nobody of that name; OSError where nothing answers."""


@dataclass(frozen=True)
class FileProvider:
    """People from the site's values."""

    directory: FileDirectory

    async def find(self, name: str) -> Person | None:
        """See Provider.find."""
        entry = self.directory.people.get(name)
        if entry is None:
            return None
        groups = tuple(Group(group, self.directory.groups[group]) for group in entry.groups)
        return Person(name, entry.uid, entry.gid, groups)


def provider(settings: Settings) -> Provider:
    """The provider that the site chose."""
    return FileProvider(settings.identity.file)


async def look_up(source: Provider, name: str, settings: Settings) -> Person:
    """The person called `name`; raises Refused for names and uids that may never run a server."""
    if not is_person(name):
        raise Refused(f"The account name {name!r} cannot have a server here. Please contact the administrators.")
    try:
        person = await source.find(name)
    except OSError:
        raise Refused("The university's directory does not answer. Please try again in a few minutes.") from None
    if person is None or person.name != name:
        raise Refused(
            f"The account {name!r} is not known in the university's directory, so no server can be started for it. "
            "If you joined recently, try again tomorrow; otherwise contact the administrators."
        )
    if person.uid < settings.minimum_uid:
        raise Refused(
            f"The account {name!r} is a system account (uid {person.uid}, below {settings.minimum_uid}) and cannot "
            "have a server. Please use your personal account."
        )
    return Person(person.name, person.uid, person.gid, person.groups, admin=name in settings.admins)
