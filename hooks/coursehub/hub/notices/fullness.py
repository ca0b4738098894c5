"""The warnings of a home or a course that is nearly full."""

from coursehub.hub.usage.usage import DiskUse

from .notice import Level, Notice

# A notice that was dismissed comes back when so many more percent are used.
_STEP = 5


def home_notice(use: DiskUse | None, warn: int) -> Notice | None:
    """The warning for the owner of a home, from `warn` percent on."""
    return _notice("home", "Your home holds", "Delete what you do not need.", use, warn)


def course_notice(slug: str, use: DiskUse | None, warn: int) -> Notice | None:
    """The warning for a course's instructors, from `warn` percent on."""
    return _notice(f"course-{slug}", "The course's directories hold", "Delete what is not needed in them.", use, warn)


def _notice(name: str, what: str, remedy: str, use: DiskUse | None, warn: int) -> Notice | None:
    if use is None or use.percent is None or use.percent < warn:
        return None
    pairs = ((use.size, use.limit.size or 0, _sizes), (use.files or 0, use.limit.files or 0, _counts))
    used, most, words = max((pair for pair in pairs if pair[1]), key=lambda pair: pair[0] / pair[1])
    full = use.percent >= 100
    more = " Saving may fail." if full else ""
    level = Level.ERROR if full else Level.WARNING
    # Above the limit there is nothing more to say.
    band = min(use.percent, 100) // _STEP * _STEP
    return Notice(f"{name}-{band}", level, (f"{what} {words(used, most)}.{more} {remedy}",))


def _sizes(used: int, most: int) -> str:
    if most < 2**30:
        return f"{used >> 20} of {most >> 20} MiB"
    return f"{used / 2**30:.1f} of {most / 2**30:.1f} GiB"


def _counts(used: int, most: int) -> str:
    return f"{used:,} of {most:,} files"
