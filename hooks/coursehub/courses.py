"""The course file: text in, a frozen catalog and every mistake with its line out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from . import document
from .document import Document
from .errors import InvalidFile, Problem
from .identity import Person
from .names import Gid, PersonName, PersonOrGroup, is_slug
from .profiles import GENERAL_SLUG
from .resources import Resources
from .settings import Settings

Day = Annotated[date, Field(strict=True)]
Students = Annotated[
    Annotated[Literal["everyone"], Tag("word")] | Annotated[tuple[PersonOrGroup, ...], Tag("list")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "list"),
]


class Course(BaseModel):
    """One course as its staff describe it; dates are inclusive and meant in the site's time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The key above the course's keys, not one of them.
    slug: Annotated[str, Field(exclude=True)]
    name: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=120)]
    gid: Gid | None = None
    instructors: tuple[PersonName, ...] = ()
    students: Students = ()
    open: Day | None = None
    close: Day | None = None
    archive: Day | None = None
    image: Annotated[str, StringConstraints(strict=True, min_length=1)] | None = None
    resources: Resources = Resources()
    data: Literal["none", "read-only", "read-write"] = "none"

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        dates = [(name, day) for name in ("open", "close", "archive") if (day := getattr(self, name)) is not None]
        for (earlier, first), (later, then) in pairwise(dates):
            if then < first:
                raise ValueError(f"{later} ({then}) is before {earlier} ({first}); put the dates in order")
        return self

    @model_validator(mode="after")
    def _data_has_an_owner(self) -> Self:
        if self.data != "none" and self.gid is None:
            raise ValueError("data needs the course's unix group; add gid, or leave data out")
        return self

    @property
    def public(self) -> bool:
        """Every known person may be a student."""
        return self.students == "everyone"

    def is_archived(self, today: date) -> bool:
        """From the archive date on, instructors only read and students have nothing."""
        return self.archive is not None and today >= self.archive


class Catalog:
    """The live courses by slug, indexed so that a person's are found without looking at all."""

    def __init__(self, courses: Iterable[Course] = ()) -> None:
        self.courses: Mapping[str, Course] = MappingProxyType({course.slug: course for course in courses})
        self._position = {slug: position for position, slug in enumerate(self.courses)}
        self._everyone = [course.slug for course in self.courses.values() if course.public]
        self._by_gid = {course.gid: course.slug for course in self.courses.values() if course.gid is not None}
        self._by_entry: dict[str, list[str]] = {}
        for course in self.courses.values():
            for entry in {*course.instructors, *(() if course.public else course.students)}:
                self._by_entry.setdefault(entry, []).append(course.slug)

    def of(self, person: Person) -> Iterator[Course]:
        """The courses that can concern `person` at all, in the file's order; `access` decides which do."""
        if person.admin:
            yield from self.courses.values()
            return
        slugs = {*self._everyone, *self._by_entry.get(person.name, ())}
        for group in person.groups:
            slugs.update(self._by_entry.get(f"@{group.name}", ()))
        slugs.update(self._by_gid[gid] for gid in person.gids if gid in self._by_gid)
        for slug in sorted(slugs, key=self._position.__getitem__):
            yield self.courses[slug]


@dataclass(frozen=True)
class Loaded:
    """What came of loading: the courses that can be used, and every mistake."""

    catalog: Catalog
    problems: tuple[Problem, ...]


def load(files: Sequence[tuple[str, str]], settings: Settings | None = None, last: Catalog | None = None) -> Loaded:
    """The catalog in course files, given as (file name, text).

    A course with a mistake stays as it is in `last`; beside a file that is no course file, no course goes.
    Without `settings`, what needs the site (image aliases) is not looked at.
    """
    before = (last or Catalog()).courses
    problems: list[Problem] = []
    good: dict[str, tuple[Course, Document]] = {}
    seen: dict[str, Document] = {}
    kept: Iterable[str] = ()
    for file, text in files:
        try:
            read = document.read(file, text)
            mapping = _mapping(read)
        except InvalidFile as error:
            problems += error.problems
            kept = before
            continue
        problems += [problem for path, problem in read.problems if len(path) < 2]
        for slug, data in mapping.items():
            found = _twice(read, slug, seen) or _slug(read, slug)
            course, mistakes = _course(read, slug, data, settings)
            found += mistakes
            if course is not None and not found:
                good[slug] = (course, read)
            problems += found
            seen.setdefault(slug, read)
    live, collisions = _settle(list(dict.fromkeys([*seen, *kept])), good, before)
    return Loaded(Catalog(live), tuple(sorted([*problems, *collisions])))


def _mapping(read: Document) -> Mapping[str, object]:
    unknown = [key for key in read.data if key != "courses"]
    if unknown:
        raise InvalidFile(
            [read.problem((key,), f"unknown key '{key}'; known here: courses", at_key=True) for key in unknown]
        )
    mapping = read.data.get("courses")
    if not isinstance(mapping, dict):
        raise InvalidFile([read.problem(("courses",), "`courses` holds no mapping; write each course's slug below it")])
    return mapping


def _twice(read: Document, slug: str, seen: Mapping[str, Document]) -> list[Problem]:
    if slug not in seen:
        return []
    return [read.problem(("courses", slug), f"also in {seen[slug].file}; a slug is one course", at_key=True)]


def _slug(read: Document, slug: str) -> list[Problem]:
    if slug == GENERAL_SLUG:
        said = f"'{slug}' is the choice outside courses; take another slug"
        return [read.problem(("courses", slug), said, at_key=True)]
    if is_slug(slug):
        return []
    said = "the slug may hold a-z, 0-9 and single '-' inside, 48 characters at most; it is also the directory's name"
    return [read.problem(("courses", slug), said, at_key=True)]


def _course(read: Document, slug: str, data: object, settings: Settings | None) -> tuple[Course | None, list[Problem]]:
    path = ("courses", slug)
    problems = [problem for at, problem in read.problems if at[:2] == path]
    if not isinstance(data, dict):
        return None, problems or [read.problem(path, "holds no mapping; write at least its name below it")]
    if "slug" in data:
        return None, [*problems, read.problem((*path, "slug"), "unknown key 'slug'; it is the key above", at_key=True)]
    try:
        course = Course.model_validate({**data, "slug": slug})
    except ValidationError as error:
        return None, [*problems, *read.explain(path, error.errors(), Course)]
    if settings is not None and course.image is not None and course.image not in settings.images:
        known = ", ".join(sorted(settings.images)) or "none yet"
        said = f"image: the site has no image '{course.image}'; take one of: {known}"
        problems.append(read.problem((*path, "image"), said))
    if settings is not None and course.gid is not None and (owner := settings.owner_of(course.gid)):
        said = f"gid: {course.gid} is {owner}; a course has its own"
        problems.append(read.problem((*path, "gid"), said))
    return course, problems


def _settle(
    slugs: Sequence[str], good: dict[str, tuple[Course, Document]], before: Mapping[str, Course]
) -> tuple[Iterable[Course], list[Problem]]:
    """The live courses: a good one is taken unless another has its unix group, else it stays as it was `before`."""
    problems: list[Problem] = []
    while True:
        live = {
            slug: good[slug][0] if slug in good else before[slug] for slug in slugs if slug in good or slug in before
        }

        def newcomer(slug: str, live: Mapping[str, Course] = live) -> tuple[bool, bool]:
            return slug in good, slug not in before or before[slug].gid != live[slug].gid

        # Whoever had the group keeps it.
        owner: dict[int, str] = {}
        for slug in sorted(live, key=newcomer):
            if (gid := live[slug].gid) is not None:
                owner.setdefault(gid, slug)
        lost = [(slug, gid) for slug in live if (gid := live[slug].gid) is not None and owner[gid] != slug]
        if not lost:
            return live.values(), problems
        for slug, gid in lost:
            _, read = good.pop(slug)
            said = f"gid: {gid} is the unix group of course '{owner[gid]}'; each course has its own"
            problems.append(read.problem(("courses", slug, "gid"), said))
