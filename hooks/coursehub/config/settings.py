"""The site's values that the hub needs, frozen: the chart's own keys as the code knows them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from coursehub.errors import InvalidFile
from coursehub.ids import NOBODY, Gid, GidRange, Uid
from coursehub.limits import Limit
from coursehub.names import GroupName, PersonName, UnixGroupName, matching

from . import rules, values_file
from .course import GradebookKind, VariableName, ZoneName
from .document import Document
from .durations import Duration, DurationOrNever
from .images import Alias, Versions
from .messages import mistake, place
from .nodes import NodeClass, NodeName, SiteBlock
from .resources import Amount, Bytes, Resources

# Variables of the server's start, and of programs that load what a variable names: no course and no site sets them.
RESERVED = re.compile(
    r"(?:BASH|COURSEHUB|IPYTHON|JPY|JUPYTER|KUBERNETES|LD|NB|NODE|OPENSSL|PYTHON|XDG)(?:_|[A-Z]|$)"
    r"|(?:ENV|GCONV_PATH|HOME|LESSCLOSE|LESSOPEN|PATH|PERL5LIB|PERL5OPT|PROMPT_COMMAND|SHELL|USER)$"
)
_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_BASE = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SERVER = re.compile(r"ldaps?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?/?")


class FilePerson(SiteBlock):
    """One person of the `file` provider; `groups` are names of `identity.file.groups`."""

    uid: Uid
    gid: Gid
    groups: tuple[str, ...] = ()


class FileDirectory(SiteBlock):
    """The people and unix groups of the `file` provider."""

    groups: Mapping[GroupName, Gid] = Field(default_factory=dict)
    people: Mapping[PersonName, FilePerson] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        for name, person in self.people.items():
            for index, group in enumerate(person.groups):
                if group not in self.groups:
                    sentence = f"{name} is in group {group!r}, which identity.file.groups does not have; add it"
                    raise mistake(sentence, "people", name, "groups", index)
        return self


def _server(url: str) -> str:
    if _SERVER.fullmatch(url) is None:
        raise ValueError(f"{url!r} is no LDAP server; write one as ldaps://ldap.example.edu")
    return url


def _some(servers: tuple[str, ...]) -> tuple[str, ...]:
    if not servers:
        raise ValueError("write one server at least, as ldaps://ldap.example.edu")
    return servers


def _filter(*words: str) -> AfterValidator:
    def check(text: str) -> str:
        if not (text.startswith("(") and text.endswith(")") and any(word in text for word in words)):
            raise ValueError(f"{text!r} is no filter for one person; write one in brackets that holds {words[0]}")
        return text

    return AfterValidator(check)


NonEmpty = Annotated[str, StringConstraints(strict=True, min_length=1)]


class LdapUsers(SiteBlock):
    """Where accounts are in an LDAP directory; `name`, `uid` and `gid` are attributes."""

    base: NonEmpty
    filter: Annotated[NonEmpty, _filter("{name}")] = "(&(objectClass=posixAccount)(uid={name}))"
    name: NonEmpty = "uid"
    uid: NonEmpty = "uidNumber"
    gid: NonEmpty = "gidNumber"

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes to request."""
        return frozenset({self.name, self.uid, self.gid})


class LdapGroups(SiteBlock):
    """Where groups are in an LDAP directory; `name` and `gid` are attributes.

    A group without `gid` has that of `gids`, if any; with `nested`, members of a group are in those that list it.
    """

    base: NonEmpty
    filter: Annotated[NonEmpty, _filter("{name}", "{dn}")] = "(&(objectClass=posixGroup)(memberUid={name}))"
    name: NonEmpty = "cn"
    gid: NonEmpty = "gidNumber"
    gids: Mapping[GroupName, Gid] = Field(default_factory=dict)
    nested: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _groups_list_entries(self) -> Self:
        if self.nested and "={dn})" not in self.filter:
            raise mistake("nested finds groups by the entries that they list; write (member={dn}) in filter", "nested")
        return self

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes to request."""
        return frozenset({self.name, self.gid})


class Ldap(SiteBlock):
    """How to ask an LDAP directory; always over TLS with a verified certificate, unless `start_tls` is off."""

    servers: Annotated[tuple[Annotated[NonEmpty, AfterValidator(_server)], ...], AfterValidator(_some)]
    start_tls: Annotated[bool, Field(strict=True)] = True
    ca_file: NonEmpty | None = None
    bind_dn: NonEmpty | None = None
    password_file: NonEmpty | None = None
    users: LdapUsers
    groups: LdapGroups | None = None

    @model_validator(mode="after")
    def _password_goes_with_a_name(self) -> Self:
        if self.bind_dn is None and self.password_file is not None:
            raise rules.PASSWORD.mistake("passwordFile")
        return self


class AuthState(SiteBlock):
    """Names of claims in the auth_state, below its key `claims`; `gids` says which of the groups are unix groups.

    Of one account `subject` never changes; empty, it is not looked at.
    """

    claims: NonEmpty = "oauth_user"
    uid: NonEmpty = "uidNumber"
    gid: NonEmpty = "gidNumber"
    groups: NonEmpty = "groups"
    subject: str = "sub"
    gids: Mapping[GroupName, Gid] = Field(default_factory=dict)


def _domain(text: str) -> str:
    lower = text.lower()
    if _DOMAIN.fullmatch(lower) is None:
        raise ValueError(f"{text!r} is no domain; write what is behind the @, as example.edu")
    return lower


class Login(SiteBlock):
    """How a login's name becomes the hub's: what a claim says instead, and without the `domain` behind its @."""

    claim: NonEmpty | None = None
    domain: Annotated[NonEmpty, AfterValidator(_domain)] | None = None


class Identity(SiteBlock):
    """Where uid, gid and groups of a person come from; `timeout` and `cache` in seconds, for ldap and nss."""

    provider: Literal["file", "ldap", "nss", "authState"] = "file"
    timeout: Annotated[float, Field(strict=True, ge=0.1, le=30)] = 2
    cache: Annotated[float, Field(strict=True, ge=0, le=86400)] = 300
    login: Login = Login()
    file: FileDirectory = FileDirectory()
    ldap: Ldap | None = None
    auth_state: AuthState = AuthState()

    @model_validator(mode="after")
    def _ldap_is_said(self) -> Self:
        if self.provider == "ldap" and self.ldap is None:
            raise rules.LDAP.mistake("provider")
        return self


class UsualResources(Resources):
    """What a server gets where its course does not say."""

    scratch: Bytes = 10 * 2**30


class Maximum(Amount):
    """The most that any server gets; no server's scratch is without a bound."""

    scratch: Bytes = 50 * 2**30


class General(SiteBlock):
    """A server outside courses; its image and resources are also what a course gets that names none."""

    image: Annotated[str, StringConstraints(min_length=1)]
    groups: tuple[str, ...] = ()
    resources: UsualResources = UsualResources.model_validate(
        {"cpu": 1, "memory": "2G", "guarantee": {"cpu": 0.1, "memory": "512M"}}
    )


ModuleName = Annotated[str, *matching(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*", "write the name of a Python module")]


def _allowed(name: str) -> str:
    if RESERVED.match(name):
        raise ValueError(f"{name} decides how a server starts, so no course can set it; remove it")
    return name


class StartsAtOnce(SiteBlock):
    """How many servers start at a time: as many as the nodes start well, within these bounds; others wait."""

    least: Annotated[int, Field(strict=True, ge=1, le=1000)] = 3
    most: Annotated[int, Field(strict=True, ge=1, le=1000)] = 100

    @model_validator(mode="after")
    def _some_are_between(self) -> Self:
        if self.least > self.most:
            raise mistake(f"least is {self.least}, and most is {self.most}; write at least {self.least}", "most")
        return self


class ServerSettings(SiteBlock):
    """What every server gets; why one failed is kept for `failure_days`.

    A server waits `node_timeout` seconds for a node that Kubernetes finds not to answer.
    """

    activity_interval: Annotated[int, Field(strict=True, ge=5, le=3600)] = 300
    notices_interval: Annotated[int, Field(strict=True, ge=5, le=3600)] = 60
    failure_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 14
    node_timeout: Annotated[int, Field(strict=True, ge=0, le=3600)] = 120
    starts_at_once: StartsAtOnce = StartsAtOnce()


class ClassSettings(SiteBlock):
    """What is done for classes: from `lead` seconds before to `keep` seconds after their begin, `most` placeholders.

    `autoscaler`: nodes are added where room is missing. `priority_class`: the chart makes that of placeholders.
    """

    lead: Duration = 1800
    keep: Duration = 900
    most: Annotated[int, Field(strict=True, ge=0, le=5000)] = 500
    autoscaler: StrictBool = False
    priority_class: StrictBool = True


class CullSettings(SiteBlock):
    """When servers are stopped where their course does not say: seconds, None for never; `every`: between two looks."""

    idle: DurationOrNever = 3600
    max_age: DurationOrNever = 7 * 86400
    every: Annotated[int, Field(strict=True, ge=5, le=3600)] = 60


class Quota(SiteBlock):
    """The most bytes (written with a unit) and files; what is left out is not limited by us."""

    size: Bytes | None = None
    files: Annotated[int, Field(strict=True, ge=1)] | None = None

    def over(self, usual: "Quota") -> Limit:
        """These limits, and the usual where there is none here."""
        return Limit(self.size or usual.size, self.files or usual.files)


class Quotas(SiteBlock):
    """What homes and courses may store: the usual, and by name what is otherwise."""

    home: Quota = Quota()
    course: Quota = Quota()
    people: Mapping[PersonName, Quota] = Field(default_factory=dict)
    courses: Mapping[str, Quota] = Field(default_factory=dict)


def _address(url: str) -> str:
    if _ADDRESS.fullmatch(url) is None:
        raise ValueError(f"{url!r} is no address of a service; write one as http://provisioner.example:8080")
    return url


class ProvisionerService(SiteBlock):
    """Where the provisioner's service listens, and for how many seconds the hub waits for it.

    One that does not make directories only looks at them.
    """

    url: Annotated[str, AfterValidator(_address)]
    timeout: Annotated[float, Field(strict=True, ge=0.1, le=60)] = 10
    makes: Annotated[bool, Field(strict=True)] = True


class Endpoint(SiteBlock):
    """Where the hub's certificate is shown: an address to connect to, and the `name` to ask for (else the host)."""

    host: NonEmpty
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 443
    name: NonEmpty | None = None


def _base(url: str) -> str:
    if _BASE.fullmatch(url) is None:
        raise ValueError(f"{url!r} is no address of a Prometheus; write one as http://prometheus.monitoring.svc:9090")
    return url.rstrip("/")


Labels = Mapping[Annotated[str, *matching(r"[A-Za-z_][A-Za-z0-9_]*", "write the name of a label")], NonEmpty]


class PrometheusSource(SiteBlock):
    """Where `dirsize_total_size_bytes` is, whose label `directory` ends with the login name or the course's slug.

    `homes` and `courses` are the labels that tell them apart; without `courses` only homes are counted.
    """

    url: Annotated[str, AfterValidator(_base)]
    timeout: Annotated[float, Field(strict=True, ge=0.1, le=60)] = 10
    homes: Labels = Field(default_factory=dict)
    courses: Labels | None = None


class UsageSettings(SiteBlock):
    """Who counts what homes and courses take, every `interval` seconds, and from how many percent people are warned."""

    provider: Literal["none", "filesystem", "prometheus"] = "none"
    warn: Annotated[int, Field(strict=True, ge=1, le=100)] = 90
    interval: Annotated[int, Field(strict=True, ge=10, le=86400)] = 600
    prometheus: PrometheusSource | None = None

    @model_validator(mode="after")
    def _prometheus_is_said(self) -> Self:
        if self.provider == "prometheus" and self.prometheus is None:
            raise rules.PROMETHEUS.mistake("provider")
        return self


def _nobodys(uid: int) -> int:
    if uid in NOBODY:
        raise ValueError(f"file servers take {uid} for whom they do not trust; write another, such as 65533")
    return uid


class Autograding(SiteBlock):
    """The pods that execute submissions: their uid and gid, which nobody else has, how many at once, how long each."""

    uid: Annotated[int, Field(strict=True, ge=1000, le=2**31 - 2), AfterValidator(_nobodys)] = 65533
    at_once: Annotated[int, Field(strict=True, ge=1, le=1000)] = 4
    seconds: Annotated[int, Field(strict=True, ge=60, le=86400)] = 1800


class NbgraderSettings(SiteBlock):
    """Where gradebooks are whose course does not say."""

    gradebook: GradebookKind = "sqlite"


class SpawnTestSettings(SiteBlock):
    """The person as whom the spawn test starts servers."""

    person: PersonName


class Settings(SiteBlock):
    """The site's values, as far as the hub and the command need them."""

    general: General
    timezone: ZoneName = "UTC"
    minimum_uid: Annotated[int, Field(strict=True, ge=1)] = 1000
    admins: tuple[PersonName, ...] = ()
    images: Mapping[Alias, Versions] = Field(default_factory=dict)
    groups: Mapping[UnixGroupName, Gid] = Field(default_factory=dict)
    nodes: Mapping[NodeName, NodeClass] = Field(default_factory=dict)
    course_gids: GidRange | None = None
    course_environment: tuple[Annotated[VariableName, AfterValidator(_allowed)], ...] = ()
    site_module: ModuleName | None = None
    maximum: Maximum = Maximum.model_validate({"cpu": 8, "memory": "32G"})
    identity: Identity = Identity()
    servers: ServerSettings = ServerSettings()
    classes: ClassSettings = ClassSettings()
    cull: CullSettings = CullSettings()
    quotas: Quotas = Quotas()
    usage: UsageSettings = UsageSettings()
    autograding: Autograding = Autograding()
    nbgrader: NbgraderSettings = NbgraderSettings()
    # Written by the chart: its own.
    version: str | None = None
    # Written by the chart: of storage.provisioner, or of what only looks.
    provisioner: ProvisionerService | None = None
    # Written by the chart from where upstream's values turn TLS on.
    certificate: Endpoint | None = None
    # Written by the chart: the proxy, which is open to every pod that no policy holds.
    probe: Endpoint | None = None
    # Written by the chart from monitoring.spawnTest.
    spawn_test: SpawnTestSettings | None = None

    @model_validator(mode="after")
    def _gids_are_some(self) -> Self:
        if (kept := self.course_gids) is not None and kept.minimum > kept.maximum:
            raise rules.GIDS.mistake("courseGids", "maximum", minimum=str(kept.minimum), maximum=str(kept.maximum))
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.general.image not in self.images:
            known = ", ".join(sorted(self.images)) or "(none yet)"
            raise rules.IMAGE.mistake("general", "image", image=self.general.image, images=known)
        node = self.general.resources.node
        if node not in (None, *self.nodes):
            sentence = f"general.resources.node is {node!r}, which nodes does not have; add it there"
            raise mistake(sentence, "general", "resources", "node")
        for index, group in enumerate(self.general.groups):
            if group not in self.groups:
                sentence = f"general.groups names {group!r}, which groups does not have; add it there"
                raise mistake(sentence, "general", "groups", index)
        return self

    @model_validator(mode="after")
    def _autograding_is_nobody(self) -> Self:
        uid = self.autograding.uid
        owners = [name for name, person in self.identity.file.people.items() if uid in (person.uid, person.gid)]
        groups = {**self.groups, **self.identity.file.groups, **self.identity.auth_state.gids}
        groups |= self.identity.ldap.groups.gids if self.identity.ldap and self.identity.ldap.groups else {}
        owners += [f"the group {name!r}" for name, gid in groups.items() if gid == uid]
        if self.course_gids is not None and uid in self.course_gids:
            raise rules.AUTOGRADING.mistake("autograding", "uid", uid=str(uid))
        if owners:
            sentence = f"autograding.uid is {uid}, which is {owners[0]}'s too, and has to be nobody's; write another"
            raise mistake(sentence, "autograding", "uid")
        return self

    def owner_of(self, gid: int) -> str | None:
        """The owner of a group that therefore cannot be a course's; None where it has none."""
        return self._owners.get(gid)

    @cached_property
    def _owners(self) -> Mapping[int, str]:
        people = {person.gid: f"{name}'s own group" for name, person in self.identity.file.people.items()}
        nobody = {self.autograding.uid: "that of autograding, which is nobody's"}
        return people | nobody | {gid: f"the site's group '{name}'" for name, gid in self.groups.items()}

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, in which dates of courses are meant."""
        return ZoneInfo(self.timezone)

    def day(self, moment: datetime) -> date:
        """The day at the site at an aware `moment`."""
        return moment.astimezone(self.zone).date()


KEYS = frozenset(to_camel(name) for name in Settings.model_fields)


def load(values: Sequence[tuple[str, str]]) -> Settings:
    """The settings in values files, given as (file name, text); a later file goes over the earlier ones, as in helm.

    It ignores keys of the chart that are not the hub's. Raises InvalidFile with the position of each mistake.
    """
    return read(values)[0]


def read(values: Sequence[tuple[str, str]]) -> tuple[Settings, dict[str, Any]]:
    """The settings, as from `load`, and the plain data behind them."""
    documents = [values_file.read(file, text) for file, text in values] or [Document("site.yaml", {})]
    problems = [problem for one in documents for path, problem in one.problems if path and path[0] in KEYS]
    merged: dict[str, Any] = {}
    for one in documents:
        merge(merged, {key: value for key, value in one.data.items() if key in KEYS})
    if not problems:
        try:
            return Settings.model_validate(merged), merged
        except ValidationError as error:
            for detail in error.errors():
                path = place(detail)
                where = next((one for one in reversed(documents) if path in one.values), documents[-1])
                problems += where.explain((), [detail], Settings)
    raise InvalidFile(problems)


def plain(values: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """All of the values files as plain data, a later file over the earlier ones; raises InvalidFile."""
    documents = [values_file.read(file, text) for file, text in values]
    if problems := [problem for one in documents for _, problem in one.problems]:
        raise InvalidFile(problems)
    merged: dict[str, Any] = {}
    for one in documents:
        merge(merged, one.data)
    return merged


def merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Puts `values` over what is there, as helm does: maps key by key, and null takes a key away."""
    for key, value in values.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
