"""A notice, as pages of the hub, JupyterLab and terminals show it: text, and links at most."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from markupsafe import Markup


class Level(StrEnum):
    """How much it matters; terminals show all but `info`."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_ALERT = {Level.INFO: "info", Level.WARNING: "warning", Level.ERROR: "danger"}


@dataclass(frozen=True)
class Link:
    """Words that lead to an address of http, https or mailto."""

    label: str
    url: str


@dataclass(frozen=True)
class Notice:
    """Whoever dismissed the notice of this `id` does not see it again; it vanishes at `until`."""

    id: str
    level: Level
    parts: tuple[str | Link, ...]
    until: datetime | None = None

    @property
    def text(self) -> str:
        """The words alone."""
        return "".join(part.label if isinstance(part, Link) else part for part in self.parts)

    def html(self) -> Markup:
        """An alert of Bootstrap's in which everything but its links is text."""
        link = Markup('<a class="alert-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
        inside = Markup("").join(
            link.format(part.url, part.label) if isinstance(part, Link) else part for part in self.parts
        )
        role = "status" if self.level is Level.INFO else "alert"
        return Markup('<div class="alert alert-{} coursehub-note" role="{}">{}</div>').format(
            _ALERT[self.level], role, inside
        )

    def plain(self) -> dict[str, Any]:
        """As JSON, for a server to show."""
        links = [{"label": part.label, "url": part.url} for part in self.parts if isinstance(part, Link)]
        message = {"id": self.id, "level": str(self.level), "text": self.text, "links": links}
        return message | ({"until": self.until.isoformat(timespec="seconds")} if self.until else {})


def html(notices: Sequence[Notice]) -> Markup:
    """All of them, one below the other."""
    return Markup("\n").join(notice.html() for notice in notices)


def digest(text: str) -> str:
    """A short name of exactly this text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
