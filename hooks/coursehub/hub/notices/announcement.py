"""What admins announce to everybody, or to one course: plain text in which only a Markdown link is more."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from coursehub.config.durations import Duration
from coursehub.errors import Refused

from .notice import Level, Link, Notice, digest

# Characters of a text, its links' addresses included.
MOST = 500

_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")
_URL = re.compile(r"(?:https?://|mailto:)[!#$%&*+,./0-9:;=?@A-Z_a-z~-]+")
_DURATION: TypeAdapter[int] = TypeAdapter(Duration)


def _checked(text: str) -> str:
    # A file has line ends, and what is shown has none.
    text = re.sub(r"[ \t\r\n]+", " ", text).strip()
    if not 1 <= len(text) <= MOST:
        raise ValueError(f"write 1 to {MOST} characters, not {len(text)}")
    for character in text:
        if not character.isprintable():
            raise ValueError(f"U+{ord(character):04X} is no character that can be seen; take it out")
    for label, url in _LINK.findall(text):
        if not label.strip():
            raise ValueError(f"a link to {url!r} has no words; write it as [words](https://example.edu/)")
        if _URL.fullmatch(url) is None or not _leads_where_it_says(url):
            raise ValueError(f"{url!r} is no address; a link leads to https://…, http://… or mailto:…")
    return text


def _leads_where_it_says(url: str) -> bool:
    """Not where it starts with a name before an @, which people take for the host."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "mailto" or (bool(parts.hostname) and "@" not in parts.netloc)
    except ValueError:
        return False


AnnouncementText = Annotated[str, StringConstraints(strict=True), AfterValidator(_checked)]


_TEXT: TypeAdapter[str] = TypeAdapter(AnnouncementText)


def checked(text: str) -> str:
    """The text as it would be shown; raises Refused with what is wrong with it."""
    try:
        return _TEXT.validate_python(text)
    except ValidationError as error:
        raise Refused(f"the text: {wording(error)}") from None


def wording(error: ValidationError) -> str:
    """The first mistake, in our words."""
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


class Announcement(BaseModel):
    """One announcement, `since` when and `until` when; of a course, or of the site where `course` is None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: AnnouncementText
    level: Level = Level.INFO
    course: str | None = None
    since: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    until: AwareDatetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is to be shown at `now`."""
        return self.until is None or now < self.until

    def notice(self) -> Notice:
        """As it is shown; another text or another time makes another notice."""
        name = f"announcement-{digest(self.model_dump_json())}"
        return Notice(name, self.level, tuple(parts(self.text)), self.until)


def parts(text: str) -> Iterator[str | Link]:
    """What stands between links, and the links, in their order."""
    end = 0
    for found in _LINK.finditer(text):
        if before := text[end : found.start()]:
            yield before
        yield Link(found[1], found[2])
        end = found.end()
    if rest := text[end:]:
        yield rest


def until(written: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment that `--until` means: a span from now, or a time at the site; raises Refused for any other text."""
    try:
        moment = now + timedelta(seconds=_DURATION.validate_python(written))
    except ValueError:
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            raise Refused(f"--until {written!r} is no time; write one as 2026-12-01T18:00, or a span as 2h") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if moment <= now:
        raise Refused(f"--until {written!r} is over already; write a time to come, or a span as 2h")
    return moment
