"""The course file: text in, a frozen catalog and every mistake with its line out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from types import MappingProxyType

from pydantic import ValidationError

from coursehub.errors import InvalidFile, Problem
from coursehub.names import is_slug
from coursehub.person import Person

from . import document, images
from .course import Course, Standing, standing
from .document import Document, Path
from .profiles import GENERAL_SLUG, Role
from .settings import Settings


class Catalog:
    """The live courses by slug, with an index that finds a person's without a look at all of them."""

    def __init__(self, courses: Iterable[Course] = ()) -> None:
        self.courses: Mapping[str, Course] = MappingProxyType({course.slug: course for course in courses})
        self._position = {slug: position for position, slug in enumerate(self.courses)}
        self._everyone = [course.slug for course in self.courses.values() if course.public]
        self._by_gid = {course.gid: course.slug for course in self.courses.values() if course.gid is not None}
        # As many as people; Python's garbage collector ignores tuples of text.
        self._by_entry: dict[str, tuple[str, ...]] = {}
        for course in self.courses.values():
            for entry in {*course.instructors, *(() if course.public else course.students)}:
                self._by_entry[entry] = (*self._by_entry.get(entry, ()), course.slug)

    def images(self, today: date, general: str) -> Iterator[tuple[str, str]]:
        """Who runs which image from `today` on, as pairs of (slug, the image as chosen); `general` is the site's."""
        yield GENERAL_SLUG, general
        for course in self.courses.values():
            if standing(course, today) in (Standing.CLOSED, Standing.ARCHIVED):
                continue
            for role in (Role.STUDENT, Role.INSTRUCTOR):
                yield course.slug, course.image_for(role) or general

    def of(self, person: Person) -> Iterator[Course]:
        """The courses that can concern `person` at all, in the file's order; `access` decides which do."""
        if person.admin:
            yield from self.courses.values()
            return
        slugs = {*self._everyone, *self._by_entry.get(person.name, ())}
        for group in person.group_names:
            slugs.update(self._by_entry.get(f"@{group}", ()))
        slugs.update(self._by_gid[gid] for gid in person.gids if gid in self._by_gid)
        for slug in sorted(slugs, key=self._position.__getitem__):
            yield self.courses[slug]


@dataclass(frozen=True)
class CourseSource:
    """Where a course stands: its file, its line there, and its keys and values word for word."""

    file: str
    line: int
    keys: Mapping[str, object]


@dataclass(frozen=True)
class Loaded:
    """The result of loading: the courses that can be used, every mistake, and where the courses of these files stand.

    A course in the catalog without a source is as it was before.
    """

    catalog: Catalog
    problems: tuple[Problem, ...]
    sources: Mapping[str, CourseSource]


def load(
    files: Sequence[tuple[str, str | InvalidFile]],
    settings: Settings | None = None,
    last: Catalog | None = None,
    homes: Mapping[str, Sequence[str]] | None = None,
) -> Loaded:
    """The catalog in course files, given as (file name, text, or why there is none).

    A course with a mistake stays as it is in `last`, and a file that is no course file keeps all that it had there;
    `homes` names the files that may go on with each course. Without `settings` it checks nothing against the site.
    """
    before, homes = (last or Catalog()).courses, homes or {}
    problems: list[Problem] = []
    mappings: dict[str, Mapping[str, object]] = {}
    documents: dict[str, Document] = {}
    for file, text in files:
        try:
            if isinstance(text, InvalidFile):
                raise text
            documents[file] = document.read(file, text)
            mappings[file] = _mapping(documents[file])
        except InvalidFile as error:
            problems += error.problems
            # The file may still hold these courses.
            mappings[file] = {slug: None for slug in before if file in homes.get(slug, ())}
            documents.pop(file, None)
    if len(documents) < len(mappings):
        mappings[""] = {slug: None for slug in before if slug not in homes}
    owners = _owners(mappings, homes)
    good: dict[str, tuple[Course, Document]] = {}
    for file, read in documents.items():
        found = [problem for path, problem in read.problems if len(path) < 2]
        for slug, data in mappings[file].items():
            mistakes = _twice(read, slug, owners[slug]) or _slug(read, slug)
            course, more = _course(read, slug, data, settings, document.MOST_PROBLEMS + 1 - len(found))
            found += mistakes + more
            if course is not None and not mistakes + more:
                good[slug] = (course, read)
        problems += found
    live, collisions = _settle(list(owners), good, before)
    sources = {
        slug: CourseSource(read.file, read.keys["courses", slug].line + 1, read.data["courses"][slug])
        for slug, (_, read) in good.items()
    }
    return Loaded(Catalog(live), document.most([*problems, *collisions]), sources)


def _owners(mappings: Mapping[str, Mapping[str, object]], homes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each slug's file: one of its homes as long as that has it, so that no other file takes a course over."""
    owners: dict[str, str] = {}
    for file, mapping in mappings.items():
        for slug in mapping:
            if slug not in owners:
                having = (home for home in homes.get(slug, ()) if slug in mappings.get(home, ()))
                owners[slug] = next(having, file)
    return owners


def _mapping(read: Document) -> Mapping[str, object]:
    unknown = [key for key in read.data if key != "courses"][: document.MOST_PROBLEMS]
    if unknown:
        raise InvalidFile(
            [read.problem((key,), f"unknown key '{key}'; known here: courses", at_key=True) for key in unknown]
        )
    mapping = read.data.get("courses")
    if (name := _course_file_in(mapping)) is not None:
        wrong = "this is a values file with course files in it"
        message = f"{wrong}; write one out, and look at that: yq .courses.files.{name} {read.file}"
        raise InvalidFile([read.problem(("courses", "files"), message, at_key=True)])
    if not isinstance(mapping, dict):
        raise InvalidFile([read.problem(("courses",), "`courses` holds no mapping; write each course's slug below it")])
    return mapping


def _course_file_in(courses: object) -> str | None:
    """Its name where these are the chart's `courses`, as docs/gitops.md has them, and not a file's."""
    files = courses.get("files") if isinstance(courses, dict) else None
    texts = files if isinstance(files, dict) else {}
    return next((str(name) for name, text in texts.items() if "\n" in str(text)), None)


def _twice(read: Document, slug: str, owner: str) -> list[Problem]:
    if owner == read.file:
        return []
    return [read.problem(("courses", slug), f"also in {owner}; a slug is one course", at_key=True)]


def _slug(read: Document, slug: str) -> list[Problem]:
    if slug == GENERAL_SLUG:
        message = f"'{slug}' is the choice outside courses; take another slug"
        return [read.problem(("courses", slug), message, at_key=True)]
    if is_slug(slug):
        return []
    message = "the slug may hold a-z, 0-9 and single '-' inside, 48 characters at most; it is also the directory's name"
    return [read.problem(("courses", slug), message, at_key=True)]


def _course(
    read: Document, slug: str, data: object, settings: Settings | None, most: int
) -> tuple[Course | None, list[Problem]]:
    path = ("courses", slug)
    problems = [problem for at, problem in read.problems if at[:2] == path]
    if not isinstance(data, dict):
        return None, problems or [read.problem(path, "holds no mapping; write at least its name below it")]
    if "slug" in data:
        return None, [*problems, read.problem((*path, "slug"), "unknown key 'slug'; it is the key above", at_key=True)]
    try:
        course = Course.model_validate({**data, "slug": slug})
    except ValidationError as error:
        return None, [*problems, *islice(read.explain(path, error.errors(include_url=False), Course), max(most, 0))]
    if settings is not None:
        problems += [read.problem((*path, *at), message) for at, message in _unknown_to(settings, course)]
    return course, problems


def _unknown_to(settings: Settings, course: Course) -> Iterator[tuple[Path, str]]:
    """What the course names and the site does not have: the place below the course, and the message."""
    at: tuple[str, ...]
    for at, choice in ((("image",), course.image), (("instructor", "image"), course.instructor.image)):
        try:
            if choice is not None:
                images.reference(settings.images, choice)
        except images.Unavailable as error:
            yield at, f"{'.'.join(at)}: {error}"
    for at, node in (
        (("resources", "node"), course.resources.node),
        (("instructor", "resources", "node"), course.instructor.resources.node),
    ):
        if node is not None and node not in settings.nodes:
            yield at, f"{'.'.join(at)}: the site has no nodes '{node}'; take one of: {_listed(settings.nodes)}"
    for role, names in (("student", course.groups.student), ("instructor", course.groups.instructor)):
        for index, name in enumerate(names):
            if name not in settings.groups:
                known = _listed(settings.groups)
                yield ("groups", role, index), f"groups.{role}: the site has no group '{name}'; take one of: {known}"
    for at, variables in (
        (("environment",), course.environment),
        (("instructor", "environment"), course.instructor.environment),
    ):
        for name in variables:
            if not name.startswith("COURSE_") and name not in settings.course_environment:
                allowed = ", ".join(["COURSE_…", *settings.course_environment])
                yield (*at, name), f"{'.'.join(at)}: a course cannot set {name} here; it can set {allowed}"
    if course.gid is not None:
        kept = settings.course_gids
        if owner := settings.owner_of(course.gid):
            yield ("gid",), f"gid: {course.gid} is {owner}; a course has its own"
        elif kept is None:
            yield (
                ("gid",),
                "gid: the site keeps no gids for courses; ask its admins to set courseGids, or leave gid out",
            )
        elif course.gid not in kept:
            yield (
                ("gid",),
                f"gid: {course.gid} is not for courses; the site keeps {kept.minimum} to {kept.maximum} for them",
            )


def _listed(known: Iterable[str]) -> str:
    return ", ".join(sorted(known)) or "none yet"


def _settle(
    slugs: Sequence[str], good: dict[str, tuple[Course, Document]], before: Mapping[str, Course]
) -> tuple[Iterable[Course], list[Problem]]:
    """The live courses: a good one unless another course has its unix group, else the one from `before`."""
    problems: list[Problem] = []
    while True:
        live = {
            slug: good[slug][0] if slug in good else before[slug] for slug in slugs if slug in good or slug in before
        }

        def newcomer(slug: str, live: Mapping[str, Course] = live) -> tuple[bool, bool]:
            return slug in good, slug not in before or before[slug].gid != live[slug].gid

        # The course that had the group keeps it.
        owner: dict[int, str] = {}
        for slug in sorted(live, key=newcomer):
            if (gid := live[slug].gid) is not None:
                owner.setdefault(gid, slug)
        lost = [(slug, gid) for slug in live if (gid := live[slug].gid) is not None and owner[gid] != slug]
        if not lost:
            return live.values(), problems
        for slug, gid in lost:
            _, read = good.pop(slug)
            message = f"gid: {gid} is the unix group of course '{owner[gid]}'; each course has its own"
            problems.append(read.problem(("courses", slug, "gid"), message))
