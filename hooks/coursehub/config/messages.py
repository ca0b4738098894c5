"""Pydantic's errors in the words of people who edit YAML."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

_INSTEAD = {
    "date_type": "write a day as 2026-09-01",
    "dict_type": "write keys and values below it",
    "float_type": "write a number",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "int_type": "write a whole number",
    "less_than_equal": "write {le} or less",
    "literal_error": "write {expected}",
    "mapping_type": "write keys and values below it",
    "model_type": "write keys and values below it",
    "string_too_long": "write {max_length} characters at most",
    "string_too_short": "write something",
    "string_type": "write text",
    "too_long": "write {max_length} entries at most",
    "tuple_type": "write a list as [one, two]",
}


# A text that YAML takes for nothing else without quotes.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z_][a-z0-9._-]*", re.IGNORECASE)


def mistake(sentence: str, *at: str | int, about: str | None = None) -> PydanticCustomError:
    """The error for a model to raise about several keys: it stands at the later one, which is `at` below the model.

    The message begins with the model's key, or with `about`.
    """
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence, "at": at, "about": about})


def place(error: ErrorDetails) -> tuple[str | int, ...]:
    """The place of the mistake in the data."""
    return *error["loc"], *error.get("ctx", {}).get("at", ())


def message(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong in data for `model`, and what to write instead."""
    name = error["loc"][-1] if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(model, error["loc"][:-1]))
        close = get_close_matches(str(name), known, n=1)
        instead = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(known)}"
        return f"unknown key '{name}'; {instead}"
    if error["type"] == "missing":
        return f"'{name}' is missing; add it"
    if error["type"] == "mistake":
        return error["msg"]
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    given = error["input"]
    shown = str(given) if isinstance(given, date) else repr(given)
    if error["type"] == "tuple_type" and (written := _as_list(given)):
        return f"write a list: {written}"
    instead = _INSTEAD.get(error["type"], error["msg"]).format(**error.get("ctx", {}))
    if error["type"] == "string_type" and isinstance(given, int | float | date):
        instead = "write it in quotes"
    return f"{instead}, not {shown if len(shown) <= 60 else shown[:57] + '...'}"


def _as_list(given: object) -> str | None:
    """The list that is meant by what has no brackets, as it is written; None where that is anybody's guess."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    # The names of groups can hold spaces.
    parts = re.split(r"\s*[,;]\s*" if "@" in str(given) else r"[\s,;]+", str(given).strip(" ,;\t\n"))
    written = ", ".join(part if _PLAIN.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in parts)
    return f"[{written}]" if all(parts) and len(written) <= 60 else None


def _keys(model: type[BaseModel], path: Sequence[str | int]) -> Iterator[str]:
    for part in path:
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        # A mapping of models has its values' type last; its keys are no fields.
        for found in (field.annotation, *get_args(field.annotation)) if field else ():
            if isinstance(found, type) and issubclass(found, BaseModel):
                model = found
    return (field.alias or name for name, field in model.model_fields.items() if not field.exclude)
