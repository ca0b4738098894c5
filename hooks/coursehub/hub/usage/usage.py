"""How much homes and courses take of what they may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coursehub.config.settings import Quotas
from coursehub.limits import Limit

Order = Literal["use", "share", "name"]


@dataclass(frozen=True)
class DiskUse:
    """What a home or a course takes, in bytes and files (None: not counted), and the limits; 0 or None is no limit."""

    size: int
    files: int | None = None
    limit: Limit = field(default_factory=Limit)

    @property
    def percent(self) -> int | None:
        """How much of the tighter limit is used, rounded down; None without limits."""
        pairs = ((self.size, self.limit.size), (self.files, self.limit.files))
        return max((100 * used // most for used, most in pairs if used is not None and most), default=None)


@dataclass(frozen=True)
class Picture:
    """What was counted, homes by login name, courses by slug; `time` in seconds since 1970."""

    time: float
    homes: Mapping[str, DiskUse]
    courses: Mapping[str, DiskUse]


def limited(size: int, files: int | None, set_: Limit, wanted: Limit) -> DiskUse:
    """The use under the limits that the file system has set, and for what it has not, those that the site wants."""
    return DiskUse(size, files, Limit(set_.size or wanted.size, set_.files or wanted.files))


def home_limit(name: str, quotas: Quotas) -> Limit:
    """What the site's values say of somebody's home."""
    return quotas.people.get(name, quotas.home).over(quotas.home)


def course_limit(slug: str, quotas: Quotas) -> Limit:
    """What the site's values say of a course."""
    return quotas.courses.get(slug, quotas.course).over(quotas.course)


def report(picture: Picture, order: Order) -> list[dict[str, Any]]:
    """Plain data on each home and course, the fullest first (or by name)."""
    rows = [
        {
            "kind": kind,
            "name": name,
            "size": use.size,
            "files": use.files,
            "sizeLimit": use.limit.size or None,
            "filesLimit": use.limit.files or None,
            "percent": use.percent,
        }
        for kind, uses in (("home", picture.homes), ("course", picture.courses))
        for name, use in uses.items()
    ]
    keys = {
        "use": lambda row: (-row["size"], row["name"]),
        "share": lambda row: (-(row["percent"] if row["percent"] is not None else -1), -row["size"], row["name"]),
        "name": lambda row: (row["kind"] == "course", row["name"]),
    }
    return sorted(rows, key=keys[order])


def text(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A report for people to read, a line each."""
    return [
        f"{_gib(row['size']):>10} of {_gib(row['sizeLimit']):>10}  {_percent(row['percent']):>5}  "
        f"{row['kind']:6}  {row['name']}{_files(row)}"
        for row in rows
    ]


def _gib(size: int | None) -> str:
    return "no limit" if size is None else f"{size / 2**30:.2f} GiB"


def _percent(percent: int | None) -> str:
    return "" if percent is None else f"{percent} %"


def _files(row: Mapping[str, Any]) -> str:
    return f"  ({row['files']} of {row['filesLimit']} files)" if row["filesLimit"] else ""
