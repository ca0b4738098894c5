"""A course as its staff describe it: every key of the course file, its type, default, unit and an example.

The only place of truth: `coursehub check`, the JSON Schema and docs/reference all come from these models.
"""

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from enum import Enum, auto
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from coursehub.ids import Gid
from coursehub.names import PersonOrGroup, UnixGroupName, matching

from . import classes
from .classes import ClassTimes
from .days import Day
from .durations import Duration
from .images import ImageChoice
from .languages import LANGUAGES
from .messages import mistake
from .profiles import Role
from .resources import Resources


def zone(name: str) -> str:
    """The name, if it is a time zone's; else raises ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one as Europe/Helsinki") from None
    return name


def language(name: str) -> str:
    """The name, if notebooks call a language so; else raises ValueError."""
    if name not in LANGUAGES:
        close = {each.lower(): each for each in LANGUAGES}
        meant = get_close_matches(name.lower(), close, n=1)
        hint = f"did you mean {close[meant[0]]!r}? " if meant else ""
        raise ValueError(f"{name[:40]!r} is no language of notebooks; {hint}known here: {', '.join(LANGUAGES)}")
    return name


# Whoever writes one of these means everyone, and not somebody of that login.
_EVERYONE = frozenset({"*", "all", "anybody", "anyone", "everybody", "everyone", "public"})
Students = Annotated[
    Annotated[Literal["everyone"], Tag("word")] | Annotated[tuple[PersonOrGroup, ...], Tag("list")],
    Discriminator(lambda value: "word" if isinstance(value, str) and value.strip().lower() in _EVERYONE else "list"),
]
Description = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=300)]
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"


def _one_line(text: str) -> str:
    # Refusals contain it, and a refusal is one line of the log.
    if re.search(f"[{_CONTROL}]", text):
        raise ValueError("write one line, without control characters")
    return text


SingleLine = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(_one_line),
    Field(json_schema_extra={"pattern": rf"^\s*[^\s{_CONTROL}](?:[^{_CONTROL}]*[^\s{_CONTROL}])?\s*$"}),
]
# Others may read at most: else everybody who can log in could write a course's data.
Umask = Annotated[str, *matching(r"0[0-7][0-7][2367]", 'write four digits in quotes, the last 2, 3, 6 or 7, as "0027"')]
ZoneName = Annotated[str, StringConstraints(strict=True), AfterValidator(zone)]
# The site allows more names than COURSE_…: a list of dangerous names would never be complete.
VariableName = Annotated[
    str, *matching(r"[A-Z][A-Z0-9_]{0,63}", "write a name in capitals, digits and _, as COURSE_TERM")
]
VariableText = Annotated[str, *matching(r"[^\0]{0,1000}", "write at most 1000 characters, none of them NUL")]
Language = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(language),
    WithJsonSchema({"type": "string", "enum": list(LANGUAGES)}),
]
Environment = Annotated[Mapping[VariableName, VariableText], Field(max_length=50)]


GradebookKind = Literal["sqlite", "postgresql"]


class _CourseBlock(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cull(_CourseBlock):
    """When a server that nobody uses is stopped."""

    idle: Duration | None = Field(
        default=None, description="How long it may be idle: a number and m, h or d.", examples=["1h"]
    )
    max_age: Duration | None = Field(
        default=None, description="How long it may run, idle or not: a number and m, h or d.", examples=["8h"]
    )

    @model_validator(mode="after")
    def _idle_within_age(self) -> Self:
        if self.idle is not None and self.max_age is not None and self.idle > self.max_age:
            raise mistake("idle is longer than max_age; lower idle, or leave it out", "max_age")
        return self


class Nbgrader(_CourseBlock):
    """Settings of nbgrader in the course's servers; a closed list, never code."""

    timezone: ZoneName | None = Field(
        default=None,
        description="Of due dates, and of the times that people see; without it the site's.",
        examples=["Europe/Helsinki"],
    )
    late: Literal["none", "zero"] | None = Field(
        default=None,
        description="What work gets that was submitted after its due date: what it is worth, or no points.",
        examples=["zero"],
    )
    execute_timeout: Annotated[int, Field(strict=True, ge=10, le=3600)] | None = Field(
        default=None, description="Seconds that one cell may take when it is graded.", examples=[240]
    )
    max_output_lines: Annotated[int, Field(strict=True, ge=10, le=100000)] | None = Field(
        default=None, description="Lines of a cell's output that are kept when it is graded.", examples=[1000]
    )
    # More would not fit into one environment variable.
    code_stub: (
        Annotated[
            Mapping[Language, Annotated[str, StringConstraints(strict=True, max_length=1000)]],
            Field(max_length=8),
        ]
        | None
    ) = Field(
        default=None,
        description="What students find in place of a solution, by the notebook's language: "
        f"{', '.join(LANGUAGES)}. The image has one for each.",
        examples=[{"python": "# YOUR CODE HERE\nraise NotImplementedError()"}],
    )
    text_stub: Annotated[str, StringConstraints(strict=True, max_length=1000)] | None = Field(
        default=None, description="What students find in place of a written answer.", examples=["YOUR ANSWER HERE"]
    )
    gradebook: GradebookKind | None = Field(
        default=None,
        description="Where the gradebook is: `sqlite`, a file in /course, or `postgresql`, a database that the site's "
        "admins have made for the course; ask them first. Without it as the site says.",
        examples=["postgresql"],
    )

    def traitlets(self) -> dict[str, dict[str, Any]]:
        """nbgrader's configuration, by class and trait; the names are nbgrader's 0.9."""
        wanted: dict[str, dict[str, Any]] = {
            "NbGraderAPI": {"timezone": self.timezone},
            "LateSubmissionPlugin": {"penalty_method": self.late},
            "ExecutePreprocessor": {"timeout": self.execute_timeout},
            "LimitOutput": {"max_lines": self.max_output_lines},
            "ClearSolutions": {"code_stub": self.code_stub and dict(self.code_stub), "text_stub": self.text_stub},
        }
        found = {name: {k: v for k, v in traits.items() if v is not None} for name, traits in wanted.items()}
        return {name: traits for name, traits in found.items() if traits}


class Groups(_CourseBlock):
    """Unix groups that servers of the course get, by the names in the site's `groups`."""

    student: tuple[UnixGroupName, ...] = Field(default=(), description="For students.", examples=[["licensed"]])
    instructor: tuple[UnixGroupName, ...] = Field(
        default=(), description="For instructors.", examples=[["teaching-staff"]]
    )


class Instructor(_CourseBlock):
    """What is otherwise in instructors' servers; what is left out is as for students."""

    image: ImageChoice | None = Field(
        default=None, description="Another of the site's images.", examples=["python-grading"]
    )
    resources: Resources = Field(default=Resources(), description="Other limits.", examples=[{"memory": "8G"}])
    cull: Cull = Field(default=Cull(), description="Other times.", examples=[{"idle": "4h"}])
    environment: Environment = Field(
        default_factory=dict, description="More variables, or other values.", examples=[{"COURSE_ROLE": "staff"}]
    )


# One for all courses: pydantic copies a default that contains a mapping.
_AS_STUDENTS = Instructor()


class Course(_CourseBlock):
    """One course; dates are inclusive and meant in the site's time zone."""

    # The key above the course, not one of its keys.
    slug: Annotated[str, Field(exclude=True), SkipJsonSchema()]
    name: SingleLine = Field(description="What people see on the page.", examples=["Introduction to Programming"])
    description: Description | None = Field(
        default=None,
        description="What the course is, in a line that the page shows below the name.",
        examples=["For first-year students of all subjects, without experience."],
    )
    gid: Gid | None = Field(
        default=None,
        description="The course's unix group, from the site's range. Without it the course is an image only: it has "
        "no shared folders, no exchange and no data.",
        examples=[70101],
    )
    instructors: tuple[PersonOrGroup, ...] = Field(
        default=(),
        description='Login names and "@group" entries, besides the members of the course\'s unix group.',
        examples=[["anna", "@teaching-assistants"]],
    )
    students: Students = Field(
        default=(),
        description='`everyone`, or a list of login names and "@group" entries. Without it nobody but instructors.',
        examples=["everyone", ["maria", "@first-year"]],
    )
    open: Day | None = Field(
        default=None, description="The first day on which students can start it.", examples=["2026-09-01"]
    )
    close: Day | None = Field(
        default=None, description="The last day on which students can start it.", examples=["2026-12-31"]
    )
    archive: Day | None = Field(
        default=None,
        description="From this day on students have nothing of it, and instructors can only read.",
        examples=["2027-06-30"],
    )
    classes: ClassTimes = Field(
        default=(),
        description="When the course has its classes, between `open` and `close`; people see the next one on the page.",
        examples=[[{"day": "mon", "from": "10:15", "until": "12:00", "expected": 120}]],
    )
    image: ImageChoice | None = Field(
        default=None,
        description="One of the site's images by its short name; with a day, as `python@2026-08-15`, the newest "
        "of that name on that day. Without it the site's general one.",
        examples=["python", "python@2026-08-15"],
    )
    resources: Resources = Field(
        default=Resources(),
        description="The most that one server can use, within the site's maximum; without a part, the site's.",
        examples=[{"cpu": 2, "memory": "4G"}],
    )
    data: Literal["none", "read-only", "read-write"] = Field(
        default="none", description="What students may do in /coursedata. It needs `gid`.", examples=["read-only"]
    )
    umask: Umask | None = Field(
        default=None,
        description="Of students' servers, four digits in quotes; without it 0027 where they write in /coursedata, "
        "else 0077. The last digit never lets others write.",
        examples=["0027"],
    )
    cull: Cull = Field(
        default=Cull(), description="When servers are stopped; without it as the site says.", examples=[{"idle": "1h"}]
    )
    nbgrader: Nbgrader = Field(
        default=Nbgrader(), description="Settings of nbgrader.", examples=[{"execute_timeout": 240}]
    )
    groups: Groups = Field(
        default=Groups(),
        description="More unix groups, by names that the site knows.",
        examples=[{"student": ["licensed"]}],
    )
    environment: Environment = Field(
        default_factory=dict,
        description="Variables of the servers, as text in quotes. Names begin with COURSE_; the site can allow more.",
        examples=[{"COURSE_TERM": "autumn"}],
    )
    instructor: Instructor = Field(
        default_factory=lambda: _AS_STUDENTS,
        description="What is otherwise in instructors' servers.",
        examples=[{"resources": {"memory": "8G"}, "image": "python-grading"}],
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        dates = [(name, day) for name in ("open", "close", "archive") if (day := getattr(self, name)) is not None]
        for (earlier, first), (later, then) in pairwise(dates):
            if then < first:
                raise mistake(f"{later} ({then}) is before {earlier} ({first}); put the dates in order", later)
        return self

    @model_validator(mode="after")
    def _classes_can_be_held(self) -> Self:
        classes.check(self.classes, self.open_days)
        return self

    @model_validator(mode="after")
    def _data_has_an_owner(self) -> Self:
        if self.data != "none" and self.gid is None:
            raise mistake("data needs the course's unix group; add gid, or leave data out", "data")
        return self

    @property
    def public(self) -> bool:
        """Whether every known person may be a student."""
        return self.students == "everyone"

    @property
    def open_days(self) -> range:
        """The days on which students can start it, as ordinals of dates."""
        end = (self.close or date.max).toordinal() + 1
        archived = self.archive.toordinal() if self.archive else end
        return range((self.open or date.min).toordinal(), min(end, archived))

    def is_archived(self, today: date) -> bool:
        """Whether it is archived: instructors only read, and students have nothing."""
        return self.archive is not None and today >= self.archive

    def image_for(self, role: Role) -> str | None:
        """The image that the course chooses for a role's servers."""
        return (self.instructor.image if role.teaches else None) or self.image

    def resources_for(self, role: Role) -> Resources:
        """Limits and guarantees of a role's servers, as far as the course sets them."""
        return self.instructor.resources.merged(self.resources) if role.teaches else self.resources

    def gradebook(self, usual: GradebookKind) -> GradebookKind | None:
        """Where its gradebook is; None where it has no folders, and so none."""
        return None if self.gid is None else self.nbgrader.gradebook or usual

    def cull_for(self, role: Role) -> Cull:
        """Cull times of a role's servers, as far as the course sets them."""
        if not role.teaches:
            return self.cull
        own = self.instructor.cull
        return Cull.model_construct(idle=own.idle or self.cull.idle, max_age=own.max_age or self.cull.max_age)

    def environment_for(self, role: Role) -> dict[str, str]:
        """Variables of a role's servers."""
        return {**self.environment, **(self.instructor.environment if role.teaches else {})}

    def groups_for(self, role: Role) -> tuple[str, ...]:
        """Names of the site's groups that a role's servers get."""
        return self.groups.instructor if role.teaches else self.groups.student


class Standing(Enum):
    """Where a course stands for its students; instructors start it at all times, and only read what is archived."""

    NOT_YET_OPEN = auto()
    OPEN = auto()
    CLOSED = auto()
    ARCHIVED = auto()


def standing(course: Course, today: date) -> Standing:
    """Where `course` stands on the day `today`; on its first and its last day it is open."""
    if course.is_archived(today):
        return Standing.ARCHIVED
    if course.open is not None and today < course.open:
        return Standing.NOT_YET_OPEN
    if course.close is not None and today > course.close:
        return Standing.CLOSED
    return Standing.OPEN
