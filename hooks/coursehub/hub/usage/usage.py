"""How much homes and courses take of what they may, and what to tell whoever is near the end of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coursehub.config.settings import Quotas
from coursehub.hub.notices.notice import Level, Note
from coursehub.storage.quota import Limit

# A note that was dismissed comes back when so many more percent are used.
_STEP = 5
Order = Literal["use", "share", "name"]


@dataclass(frozen=True)
class Use:
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
    homes: Mapping[str, Use]
    courses: Mapping[str, Use]


def limited(size: int, files: int | None, set_: Limit, wanted: Limit) -> Use:
    """The use under the limits that the file system has set, and for what it has not, those that the site wants."""
    return Use(size, files, Limit(set_.size or wanted.size, set_.files or wanted.files))


def home_limit(name: str, quotas: Quotas) -> Limit:
    """What the site's values say of somebody's home."""
    return quotas.people.get(name, quotas.home).over(quotas.home)


def course_limit(slug: str, quotas: Quotas) -> Limit:
    """What the site's values say of a course."""
    return quotas.courses.get(slug, quotas.course).over(quotas.course)


def home_note(use: Use | None, warn: int) -> Note | None:
    """What to tell the owner of a home from `warn` percent on."""
    return _note("home", "Your home holds", "Delete what you do not need.", use, warn)


def course_note(slug: str, use: Use | None, warn: int) -> Note | None:
    """What to tell a course's instructors from `warn` percent on."""
    return _note(f"course-{slug}", "The course's directories hold", "Delete what is not needed in them.", use, warn)


def _note(name: str, what: str, remedy: str, use: Use | None, warn: int) -> Note | None:
    if use is None or use.percent is None or use.percent < warn:
        return None
    pairs = ((use.size, use.limit.size or 0, _sizes), (use.files or 0, use.limit.files or 0, _counts))
    used, most, words = max((each for each in pairs if each[1]), key=lambda each: each[0] / each[1])
    full = use.percent >= 100
    more = " Saving may fail." if full else ""
    level = Level.ERROR if full else Level.WARNING
    # Above the limit there is nothing more to say.
    band = min(use.percent, 100) // _STEP * _STEP
    return Note(f"{name}-{band}", level, (f"{what} {words(used, most)}.{more} {remedy}",))


def _sizes(used: int, most: int) -> str:
    if most < 2**30:
        return f"{used >> 20} of {most >> 20} MiB"
    return f"{used / 2**30:.1f} of {most / 2**30:.1f} GiB"


def _counts(used: int, most: int) -> str:
    return f"{used:,} of {most:,} files"


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
