"""When a course has its classes, as its staff write it; `timetable` has each class that comes of it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .days import NAMES, WEEKDAYS, Day, TimeOfDay, Weekday
from .messages import mistake


class ClassTime(BaseModel):
    """A class of every week (`day`) or of one day (`date`); times are those on the wall, in the site's time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: Weekday | None = Field(default=None, description="The day of the week, for a weekly class.", examples=["mon"])
    once: Day | None = Field(
        default=None, alias="date", description="The day of a class that is held once.", examples=["2026-11-30"]
    )
    start: TimeOfDay = Field(alias="from", description="When it begins.", examples=["10:15"])
    until: TimeOfDay = Field(description="When it ends, on the same day.", examples=["12:00"])
    expected: Annotated[int, Field(strict=True, ge=1, le=100000)] = Field(
        description="How many people come to it.", examples=[120]
    )
    left_out: tuple[Day, ...] = Field(
        default=(),
        alias="except",
        max_length=50,
        description="Days on which a weekly class is not held.",
        examples=[["2026-12-21", "2026-12-28"]],
    )

    @model_validator(mode="after")
    def _is_on_a_day(self) -> Self:
        if (self.day is None) == (self.once is None):
            sentence = "a class has a day or a date; write day where it is weekly, date where it is held once"
            raise mistake(sentence, *(["date"] if self.once else []))
        if self.until <= self.start:
            sentence = (
                f"until ({self.until:%H:%M}) is not after from ({self.start:%H:%M}); end it later on the same day"
            )
            raise mistake(sentence, "until")
        if self.once is not None and self.left_out:
            raise mistake("except is for weekly classes; leave it out", "except")
        for index, day in enumerate(self.left_out):
            if day.weekday() != self.weekday:
                sentence = f"except: {day} is a {NAMES[day.weekday()]}, and the class is on {self.day}; leave it out"
                raise mistake(sentence, "except", index)
        return self

    def __str__(self) -> str:
        return f"{self.once or self.day} {self.start:%H:%M} to {self.until:%H:%M}"

    @property
    def weekday(self) -> int:
        """As date.weekday() counts."""
        return self.once.weekday() if self.once else WEEKDAYS.index(self.day or "mon")

    def days(self, within: range) -> Iterator[date]:
        """The days on which it is held, in order; `within` are ordinals of dates."""
        if self.once is not None:
            ordinals = range(self.once.toordinal(), self.once.toordinal() + 1)
        else:
            # The day of ordinal 1 is a Monday.
            ordinals = range(within.start + (self.weekday + 1 - within.start) % 7, within.stop, 7)
        days = (date.fromordinal(ordinal) for ordinal in ordinals if ordinal in within)
        return (day for day in days if day not in self.left_out)

    def overlaps(self, other: "ClassTime", within: range) -> date | None:
        """The first day of `within` on which both are held at the same time; None where there is none."""
        if self.weekday != other.weekday or self.until <= other.start or other.until <= self.start:
            return None
        # So it looks at no more days than are left out: one that is held once has a single day.
        first, second = sorted((self, other), key=lambda each: each.once is None)
        return next((day for day in first.days(within) if any(second.days(_only(day)))), None)


ClassTimes = Annotated[tuple[ClassTime, ...], Field(max_length=50)]


def check(classes: Sequence[ClassTime], within: range) -> None:
    """Refuses what cannot be held `within` these ordinals of dates, or not beside another class of the course."""
    for index, each in enumerate(classes):
        named: list[tuple[tuple[str | int, ...], date]] = [(("date",), each.once)] if each.once else []
        named += [(("except", number), day) for number, day in enumerate(each.left_out)]
        for at, day in named:
            if day.toordinal() not in within:
                sentence = f"students cannot start the course on {day}; write a day from open through close"
                raise mistake(sentence, "classes", index, *at, about=f"classes.{index}.{at[0]}")
        if not any(each.days(within)):
            sentence = f"no {NAMES[each.weekday]} is left from open through close; look at day, except and these dates"
            raise mistake(sentence, "classes", index, about=f"classes.{index}")
        for earlier in classes[:index]:
            if (day_of_both := each.overlaps(earlier, within)) is not None:
                sentence = f"on {day_of_both} it overlaps with {earlier} of this course; make one of them, or move one"
                raise mistake(sentence, "classes", index, about=f"classes.{index}")


def _only(day: date) -> range:
    return range(day.toordinal(), day.toordinal() + 1)
