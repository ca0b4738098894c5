"""What is asked of the shared volume through a door, as one JSON object, and the answer; nothing is ever a shell's."""

import json
from typing import Annotated, Any, Literal, Self

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

from .errors import Refused
from .names import Gid, PersonName, Uid, is_slug

# Bytes of one request.
MOST = 65536
# The kernel counts blocks of 1024 bytes in 64 bits.
Number = Annotated[int, Field(strict=True, ge=0, le=2**60)]
Flag = Annotated[bool, Field(strict=True)]
Data = Literal["none", "read-only", "read-write"]


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("it is no course's slug")
    return text


Slug = Annotated[str, StringConstraints(strict=True), AfterValidator(_slug)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def about(self) -> str:
        """What it is about, for a log: the verb and the name."""
        named = (getattr(self, key, None) for key in ("verb", "name", "slug", "home", "course"))
        return " ".join(each for each in named if each)


class HomeRequest(_Request):
    """The home of somebody is there and theirs."""

    verb: Literal["home"]
    name: PersonName
    uid: Uid
    gid: Gid


class CourseRequest(_Request):
    """The directories of a course are there; closed when it is archived."""

    verb: Literal["course"]
    slug: Slug
    gid: Gid
    data: Data
    archived: Flag = False


class CheckRequest(_Request):
    """What is wrong with a course's directories; what can be is corrected where `repair` says so."""

    verb: Literal["check"]
    slug: Slug
    gid: Gid
    data: Data
    archived: Flag = False
    repair: Flag = False


class UsageRequest(_Request):
    """What each home and course takes."""

    verb: Literal["usage"]


class QuotaRequest(_Request):
    """The most that the home of somebody, or a course, may take; 0 is no limit."""

    verb: Literal["quota"]
    home: PersonName | None = None
    course: Slug | None = None
    gid: Gid | None = None
    size: Number | None = None
    files: Number | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.home is None) == (self.course is None) or (self.course is None) != (self.gid is None):
            raise ValueError("write home, or course and gid")
        return self

    @property
    def limit(self) -> Limit:
        """What may be taken."""
        return Limit(self.size, self.files)


class PeopleRequest(_Request):
    """Everyone with a home."""

    verb: Literal["people"]


Request = HomeRequest | CourseRequest | CheckRequest | PeopleRequest | UsageRequest | QuotaRequest
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="verb")])


def parse(text: bytes, *, minimum_uid: int = 1000) -> Request:
    """The request in `text`; raises Refused with what is wrong, in one line, for anything else."""
    if len(text) > MOST:
        raise Refused(f"the request has more than {MOST} bytes")
    try:
        json.loads(text, object_pairs_hook=_once)
        found = _REQUEST.validate_json(text)
    except ValidationError as error:
        raise Refused(f"this is no request: {_said(error)}") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"this is no request: {str(error)[:200]!a}") from None
    if isinstance(found, HomeRequest) and found.uid < minimum_uid:
        raise Refused(f"uid {found.uid} is a system account's, below {minimum_uid}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _said(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"])[:80]
    # Nothing that was sent reaches a terminal or a log as it is.
    return f"{where!a}: {first['msg'][:200]!a}" + (f" and {len(more)} more" if more else "")
