"""Spans of time as people write them: 30m, 8h, 2d."""

import re
from typing import Annotated

from pydantic import BeforeValidator

from coursehub.names import written_as

_PATTERN = r"([1-9][0-9]{0,5})([mhd])"
_MOST = 30 * 86400
_NEVER = "never"
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def _seconds(value: object) -> object:
    found = re.fullmatch(_PATTERN, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a number and a unit, as 30m, 8h or 2d")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _MOST:
        raise ValueError(f"write 1m to {text(_MOST)}, not {value!r}")
    return seconds


# In seconds; read from text with a unit.
Duration = Annotated[
    int, BeforeValidator(_seconds), written_as(_PATTERN, "write a number and a unit, as 30m, 8h or 2d")
]

# The same, None for the word "never".
DurationOrNever = Annotated[int | None, BeforeValidator(lambda value: None if value == _NEVER else _seconds(value))]


def text(seconds: int) -> str:
    """The span in the largest unit that divides it."""
    unit = next((unit for unit in "dhm" if seconds % _SECONDS[unit] == 0), None)
    return f"{seconds // _SECONDS[unit]}{unit}" if unit else f"{seconds}s"
