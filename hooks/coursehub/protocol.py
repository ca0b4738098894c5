"""Requests and replies of the doors to the shared volume: one JSON object each, which no shell sees."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from coursehub.limits import Limit

from . import text as plain
from .errors import Reason, Refused
from .ids import Gid, Uid
from .names import PersonName, is_slug

# The most bytes of one request.
MOST = 65536
# Seconds for usage: where the file system has no quotas, the service walks through all homes.
WALK = 600.0
# The kernel counts blocks of 1024 bytes in 64 bits.
Bound = Annotated[int, Field(strict=True, ge=0, le=2**60)]
Flag = Annotated[bool, Field(strict=True)]
Data = Literal["none", "read-only", "read-write"]


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("it is no course's slug")
    return text


Slug = Annotated[str, StringConstraints(strict=True), AfterValidator(_slug)]


def _below(path: str) -> str:
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("it is no path below the volume's root")
    return path


Below = Annotated[str, StringConstraints(strict=True), AfterValidator(_below)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    # Each kind has its own, and writes it first.
    verb: str

    @property
    def subject(self) -> str:
        """The verb and the name, for the log."""
        words = (getattr(self, key, None) for key in ("verb", "name", "slug", "home", "course"))
        return " ".join(word for word in words if word)


class HomeRequest(_Request):
    """Make somebody's home, or correct it, and list them among the people of the `course` whose server they start."""

    verb: Literal["home"]
    name: PersonName
    uid: Uid
    gid: Gid
    course: Slug | None = None


class _OfCourse(_Request):
    slug: Slug
    gid: Gid
    data: Data
    archived: Flag = False


class CourseRequest(_OfCourse):
    """Make the directories of a course, or correct them; they are closed when it is archived."""

    verb: Literal["course"]


class CheckRequest(_OfCourse):
    """Report what is wrong with a course's directories; with `repair` correct what can be."""

    verb: Literal["check"]
    repair: Flag = False


class UsageRequest(_Request):
    """Report what each home and course takes."""

    verb: Literal["usage"]


class QuotaRequest(_Request):
    """Set the most that somebody's home, or a course, may take; 0 is no limit."""

    verb: Literal["quota"]
    home: PersonName | None = None
    course: Slug | None = None
    gid: Gid | None = None
    size: Bound | None = None
    files: Bound | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.home is None) == (self.course is None) or (self.course is None) != (self.gid is None):
            raise ValueError("write home, or course and gid")
        return self

    @property
    def limit(self) -> Limit:
        """The limit that it sets."""
        return Limit(self.size, self.files)


class LookRequest(_Request):
    """Say whether somebody can start a server: their home is there and theirs, and so are all `others`, by their paths.

    The `course` is a slug and the gid that its directories have to have.
    """

    verb: Literal["look"]
    name: PersonName
    uid: Uid
    others: tuple[Below, ...] = ()
    course: tuple[Slug, Gid] | None = None

    @property
    def subject(self) -> str:
        """The verb and the name, for the log."""
        return f"look {self.name}"


class AnswersRequest(_Request):
    """Say whether the file server answers."""

    verb: Literal["answers"]


class PeopleRequest(_Request):
    """List everyone with a home."""

    verb: Literal["people"]


# What the hub's service takes; the ssh door takes the rest too.
ServiceRequest = HomeRequest | CourseRequest | UsageRequest | LookRequest | AnswersRequest
Request = ServiceRequest | CheckRequest | PeopleRequest | QuotaRequest
AnyRequest = TypeVar("AnyRequest", bound=_Request)
_SERVICE: TypeAdapter[ServiceRequest] = TypeAdapter(Annotated[ServiceRequest, Field(discriminator="verb")])
_ALL: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="verb")])


@dataclass(frozen=True)
class EntryChange:
    """A change at a path and its result there; not `done` in a dry run."""

    path: str
    what: Literal["make", "correct"]
    to: str
    done: bool = True

    def __str__(self) -> str:
        return f"{self.what} {self.path} {'to ' if self.what == 'correct' else ''}{self.to}"


@dataclass(frozen=True)
class Tenant:
    """Somebody with a home."""

    name: str
    uid: int
    gid: int

    @property
    def line(self) -> str:
        """A line of passwd with which nobody can log in."""
        return f"{self.name}:x:{self.uid}:{self.gid}::/home/{self.name}:/usr/sbin/nologin"

    @classmethod
    def of(cls, line: str) -> Self:
        """Whom such a line is about."""
        name, _, uid, gid, *_ = line.split(":")
        return cls(name, int(uid), int(gid))


@dataclass(frozen=True)
class Fault:
    """What is wrong at a path, and whether it was repaired; not `seen` where the check has no right to look."""

    path: str
    what: str
    done: bool = False
    seen: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (" (repaired)" if self.done else "")


@dataclass(frozen=True)
class Usage:
    """What a home or a course takes, in bytes and files; a quota counts all its owner has on the file system."""

    path: Annotated[str, Field(pattern=r"^(home/[0-9]{2}|course)/[^/]+$")]
    size: Annotated[int, Field(strict=True)]
    files: Annotated[int, Field(strict=True)]
    limit: Limit
    counted: Literal["quota", "walk"]


@dataclass(frozen=True)
class LimitChange:
    """A limit that was set; in a dry run, one that would be."""

    path: str
    limit: str
    kind: str
    done: bool = True

    def __str__(self) -> str:
        return f"limit {self.path} to {self.limit} ({self.kind} quota)"


@dataclass(frozen=True)
class ChangesReply:
    """The reply to a home or a course: each change; none where all was right."""

    changes: tuple[EntryChange, ...]


@dataclass(frozen=True)
class FaultsReply:
    """The reply to a check: each fault."""

    findings: tuple[Fault, ...]


@dataclass(frozen=True)
class UsageReply:
    """The reply to usage: each home, then each course."""

    usage: tuple[Usage, ...]


@dataclass(frozen=True)
class LimitsReply:
    """The reply to a quota: each limit that changed."""

    limits: tuple[LimitChange, ...]


@dataclass(frozen=True)
class PeopleReply:
    """The reply to people: everyone with a home, by name."""

    people: tuple[Tenant, ...]


@dataclass(frozen=True)
class LookReply:
    """The reply to a look, and to answers: why no server can start, with the reason in a word; None where one can."""

    refusal: str | None
    reason: Reason


@dataclass(frozen=True)
class RefusalReply:
    """The reply to any request that was not done: why."""

    refusal: str


Reply = ChangesReply | FaultsReply | UsageReply | LimitsReply | PeopleReply | LookReply | RefusalReply
AnyReply = TypeVar("AnyReply", bound=Reply)


def as_json(reply: Reply) -> str:
    """The reply on one line; a name that is no UTF-8 is escaped."""
    return plain.as_json(asdict(reply))


def read(kind: type[AnyReply], data: object) -> AnyReply:
    """The reply in plain data that came through a door; raises ValidationError. It ignores keys of a newer service."""
    return TypeAdapter(kind).validate_python(data)


def parse(text: bytes, *, minimum_uid: int = 1000) -> Request:
    """The request in `text`; raises Refused with what is wrong, in one line, for anything else."""
    return _parsed(_ALL, text, minimum_uid)


def parse_for_service(text: bytes, *, minimum_uid: int = 1000) -> ServiceRequest:
    """As `parse`, but only for the requests of the hub's service."""
    return _parsed(_SERVICE, text, minimum_uid)


def _parsed(adapter: TypeAdapter[AnyRequest], text: bytes, minimum_uid: int) -> AnyRequest:
    if len(text) > MOST:
        raise Refused(f"the request has more than {MOST} bytes")
    try:
        json.loads(text, object_pairs_hook=_once)
        request = adapter.validate_json(text)
    except ValidationError as error:
        raise Refused(f"this is no request: {_first(error)}") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"this is no request: {str(error)[:200]!a}") from None
    if isinstance(request, HomeRequest) and request.uid < minimum_uid:
        raise Refused(f"uid {request.uid} is a system account's, below {minimum_uid}")
    return request


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _first(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"])[:80]
    # Input reaches terminals and logs only escaped.
    return f"{where!a}: {first['msg'][:200]!a}" + (f" and {len(more)} more" if more else "")
