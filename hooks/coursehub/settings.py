"""The site's values that the hub needs, frozen: what the chart's own keys mean to the code."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from . import document
from .course import VariableName, ZoneName
from .document import Document
from .errors import InvalidFile
from .images import Alias, Versions
from .names import Gid, GroupName, PersonName, Uid, matching
from .nodes import NodeClass, NodeName
from .resources import Amount, Resources

# Of the server's own start, and of programs that load what a variable names: never a course's or a site's.
RESERVED = re.compile(
    r"(?:BASH|COURSEHUB|IPYTHON|JPY|JUPYTER|KUBERNETES|LD|NB|PYTHON|XDG)(?:_|[A-Z]|$)|(?:ENV|HOME|PATH|SHELL|USER)$"
)


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class FilePerson(_Values):
    """One person of the `file` provider; `groups` are names of `identity.file.groups`."""

    uid: Uid
    gid: Gid
    groups: tuple[str, ...] = ()


class FileDirectory(_Values):
    """The people and unix groups of the `file` provider."""

    groups: Mapping[GroupName, Gid] = Field(default_factory=dict)
    people: Mapping[PersonName, FilePerson] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        for name, person in self.people.items():
            for group in person.groups:
                if group not in self.groups:
                    raise ValueError(f"{name} is in group {group!r}, which identity.file.groups does not have; add it")
        return self


class Identity(_Values):
    """Where uid, gid and groups of a person come from."""

    provider: Literal["file"] = "file"
    file: FileDirectory = FileDirectory()


class General(_Values):
    """A server outside courses; its image and resources are also what a course gets that names none."""

    image: Annotated[str, StringConstraints(min_length=1)]
    groups: tuple[str, ...] = ()
    resources: Resources = Resources.model_validate(
        {"cpu": 1, "memory": "2G", "guarantee": {"cpu": 0.1, "memory": "512M"}}
    )


ModuleName = Annotated[str, *matching(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*", "write the name of a Python module")]


def _allowed(name: str) -> str:
    if RESERVED.match(name):
        raise ValueError(f"{name} decides how a server starts, so no course can set it; remove it")
    return name


class GidRange(_Values):
    """The gids that the university keeps for courses, both ends included."""

    minimum: Gid
    maximum: Gid

    def __contains__(self, gid: int) -> bool:
        return self.minimum <= gid <= self.maximum


class Servers(_Values):
    """What every server gets."""

    activity_interval: Annotated[int, Field(strict=True, ge=5, le=3600)] = 300


class Settings(_Values):
    """The site's values, as far as the hub and the command need them."""

    general: General
    timezone: ZoneName = "UTC"
    minimum_uid: Annotated[int, Field(strict=True, ge=1)] = 1000
    admins: tuple[PersonName, ...] = ()
    images: Mapping[Alias, Versions] = Field(default_factory=dict)
    groups: Mapping[GroupName, Gid] = Field(default_factory=dict)
    nodes: Mapping[NodeName, NodeClass] = Field(default_factory=dict)
    course_gids: GidRange | None = None
    course_environment: tuple[Annotated[VariableName, AfterValidator(_allowed)], ...] = ()
    site_module: ModuleName | None = None
    maximum: Amount = Amount.model_validate({"cpu": 8, "memory": "32G"})
    identity: Identity = Identity()
    servers: Servers = Servers()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.general.image not in self.images:
            raise ValueError(f"general.image is {self.general.image!r}, which images does not have; add it there")
        if self.general.resources.node not in (None, *self.nodes):
            raise ValueError(
                f"general.resources.node is {self.general.resources.node!r}, which nodes does not have; add it there"
            )
        for group in self.general.groups:
            if group not in self.groups:
                raise ValueError(f"general.groups names {group!r}, which groups does not have; add it there")
        return self

    def owner_of(self, gid: int) -> str | None:
        """Whose the group already is, which then cannot be a course's."""
        site = (f"the site's group '{name}'" for name, taken in self.groups.items() if taken == gid)
        people = (f"{name}'s own group" for name, person in self.identity.file.people.items() if person.gid == gid)
        return next(chain(site, people), None)

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, in which dates of courses are meant."""
        return ZoneInfo(self.timezone)


KEYS = frozenset(to_camel(name) for name in Settings.model_fields)


def load(values: Sequence[tuple[str, str]]) -> Settings:
    """The settings in values files, given as (file name, text); a later file goes over the earlier ones, as in helm.

    Keys of the chart that are not the hub's are passed over. Raises InvalidFile with each mistake's position.
    """
    documents = [document.read(file, text) for file, text in values] or [Document("site.yaml", {})]
    problems = [problem for each in documents for path, problem in each.problems if path and path[0] in KEYS]
    merged: dict[str, Any] = {}
    for each in documents:
        _merge(merged, {key: value for key, value in each.data.items() if key in KEYS})
    if not problems:
        try:
            return Settings.model_validate(merged)
        except ValidationError as error:
            for detail in error.errors():
                path = tuple(detail["loc"])
                where = next((each for each in reversed(documents) if path in each.values), documents[-1])
                problems += where.explain((), [detail], Settings)
    raise InvalidFile(problems)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
