"""Days and times of day as people write them: 2026-09-01, mon, 10:15."""

import re
from datetime import date, time
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from coursehub.names import written_as

_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_AS_TEXT = 'write a time of day in quotes, as "10:15"'

Day = Annotated[date, Field(strict=True)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# In the order of date.weekday().
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _time(value: object) -> time:
    if not isinstance(value, str) or re.fullmatch(_TIME, value, re.ASCII) is None:
        raise ValueError(f"{_AS_TEXT}, not {repr(value)[:60]}")
    return time.fromisoformat(value)


# Without a zone: it is on the wall's clock.
TimeOfDay = Annotated[time, BeforeValidator(_time), written_as(_TIME, _AS_TEXT)]
