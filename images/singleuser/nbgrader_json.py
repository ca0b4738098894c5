"""JSON of somebody's, read so that it takes no more memory than there is, and holds nothing that cannot be saved."""

import json
import os
import re
from itertools import islice
from typing import Any, Never

from coursehub_carry import Ended

# A value of JSON takes many times its bytes; text counts as one.
MOST_PARTS = 4_000_000
# What a value has at least one of: text, up to the end where nothing closes it, or what begins or parts values.
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)


def parsed(data: bytes) -> Any:
    """What it says; Ended where it is no JSON, or holds too much or numbers that are none."""
    if sum(1 for _ in islice(_PART.finditer(data), MOST_PARTS + 1)) > MOST_PARTS:
        refuse("it has too many values")
    try:
        return json.loads(data.decode(), parse_constant=_refuse_number, parse_float=_number)
    except (ValueError, RecursionError):
        refuse("it is not JSON, or no notebook could have it")


def refuse(why: str) -> Never:
    """Ended, as that is no data of a notebook."""
    raise Ended(os.EX_DATAERR, why)


def _number(text: str) -> float:
    number = float(text)
    return number if number - number == 0 else _refuse_number(text)


def _refuse_number(text: str) -> Never:
    raise ValueError(text)
