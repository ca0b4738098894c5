"""The hub's log lines: text, and none longer than somebody can read, whatever of a request stands in them."""

import logging
from copy import copy
from typing import Any

from jupyterhub.log import CoroutineLogFormatter

from coursehub import text

LINE = 4000
# With what went wrong, and where.
TRACE = 20_000


class BoundedFormatter(CoroutineLogFormatter):  # type: ignore[misc] # JupyterHub is untyped
    """JupyterHub's; of a line that is too long, beginning and end are there."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        plain = copy(record)
        # Names of people, servers and tokens come as somebody sent them.
        plain.msg, plain.args, plain.exc_text = _shown(record.getMessage()), (), None
        line: str = super().format(plain)
        most = TRACE if record.exc_info else LINE
        if len(line) <= most:
            return line
        half = most // 2
        return f"{line[:half]} [{len(line) - 2 * half} characters left out] {line[-half:]}"

    def formatException(self, exc_info: Any) -> str:
        """See logging.Formatter."""
        return _shown(super().formatException(exc_info))


def _shown(lines: str) -> str:
    return "\n".join(map(text.shown, lines.split("\n")))


def bound(c: Any) -> None:
    """The hub's own log has them, unless the site has a formatter of its own there."""
    section = c.Application if "logging_config" in c.Application else c.JupyterHub
    if "logging_config" not in section:
        section.logging_config = {}
    console = section.logging_config.setdefault("formatters", {}).setdefault("console", {})
    console.setdefault("class", f"{__name__}.{BoundedFormatter.__name__}")
