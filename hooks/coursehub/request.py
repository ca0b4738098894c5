"""What is asked of the shared volume through a door, as one JSON object, and the answer; nothing is ever a shell's."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from .errors import Refused
from .names import Gid, PersonName, Uid, is_slug
from .volume import Change, Volume

# Bytes of one request.
MOST = 65536
Number = Annotated[int, Field(strict=True, ge=0)]


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
        named = (getattr(self, key, None) for key in ("verb", "name", "slug"))
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
    data: Literal["none", "read-only", "read-write"]
    archived: Annotated[bool, Field(strict=True)] = False


class PeopleRequest(_Request):
    """Everyone with a home."""

    verb: Literal["people"]


Request = HomeRequest | CourseRequest | PeopleRequest
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


def answer(request: Request, volume: Volume, *, dry_run: bool) -> dict[str, Any]:
    """What was done or found, as JSON; Refused or OSError where it could not be done."""
    match request:
        case HomeRequest():
            return _changes(volume.home(request.name, request.uid, request.gid, dry_run=dry_run))
        case CourseRequest():
            said = volume.course(request.slug, request.gid, request.data, archived=request.archived, dry_run=dry_run)
            return _changes(said)
        case PeopleRequest():
            return {"people": [asdict(tenant) for tenant in volume.people()]}


def _changes(changes: Sequence[Change]) -> dict[str, Any]:
    return {"changes": [asdict(change) for change in changes]}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _said(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"])[:80]
    # Nothing that was sent reaches a terminal or a log as it is.
    return f"{where!a}: {first['msg'][:200]!a}" + (f" and {len(more)} more" if more else "")
