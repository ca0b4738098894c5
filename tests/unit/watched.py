"""Courses that remember that somebody looked at them."""

from datetime import date
from typing import Any, ClassVar

from coursehub.config.catalog import Catalog
from coursehub.config.course import Course


class Seen(Course):
    """A course that remembers that somebody looked at it."""

    looked_at: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        """See object."""
        found = super().__getattribute__(name)
        if name in Course.model_fields:
            Seen.looked_at.add(super().__getattribute__("slug"))
        return found


def of_jonas_among(others: int) -> Catalog:
    """Two courses that Jonas takes, one closed, one that he teaches, one for everyone, and as many `others` as said."""
    theirs = [Seen(slug=f"c{number}", name="C", gid=71000 + number, students=("maria",)) for number in range(others)]
    own = [
        Seen(slug="takes", name="T", gid=70201, students=("maria", "jonas")),
        Seen(slug="took", name="T", students=("jonas",), close=date(2026, 1, 1)),
        Seen(slug="teaches", name="T", instructors=("jonas",)),
        Seen(slug="public", name="P", students="everyone"),
    ]
    live = Catalog([*theirs[::2], *own, *theirs[1::2]])
    Seen.looked_at.clear()
    return live
