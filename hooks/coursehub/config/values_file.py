"""A values file: this chart's, or that of a chart around it, which has this one's values below its name."""

from collections.abc import Mapping
from typing import Any

from coursehub.errors import InvalidFile, Problem

from . import document
from .document import Document

# The chart's name, which is no key of the chart: helm refuses it there.
NAME = "coursehub"
# The keys of the chart.
KEYS = frozenset(
    {
        *("timezone", "minimumUid", "admins", "images", "groups", "nodes", "courseGids", "courseEnvironment"),
        *("siteModule", "general", "maximum", "identity", "storage", "quotas", "usage", "servers", "cull", "courses"),
        *("network", "corePriority", "fixedIds", "monitoring", "acknowledgePlainHttp", "acknowledgeOneOrigin"),
        *("autograding", "jupyterhub"),
    }
)


def read(file: str, text: str) -> Document:
    """The file with the position of each value, or the part of it that is this chart's; raises InvalidFile."""
    whole = document.read(file, text)
    if problems := [problem for path, problem in whole.problems if path == (NAME,)]:
        raise InvalidFile(problems)
    if wrong := _wrong(whole.data):
        raise InvalidFile([whole.problem((NAME,), wrong)])
    return whole.below(NAME) if NAME in whole.data else whole


def own(file: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is this chart's of a file's plain data; raises InvalidFile."""
    if wrong := _wrong(data):
        raise InvalidFile([Problem(file, 1, 1, wrong)])
    found: Mapping[str, Any] = data.get(NAME, data)
    return found


def _wrong(data: Mapping[str, Any]) -> str | None:
    if NAME in data:
        is_map = isinstance(data[NAME], Mapping)
        return None if is_map else f"{NAME}: this chart's values belong below it; write them as `key: value` lines"
    below = [key for key, value in data.items() if isinstance(value, Mapping) and value.keys() & KEYS]
    if data.keys() & KEYS or not below:
        return None
    return (
        f"no key of this chart stands here, but some below '{below[0]}'; a chart around this one has them below "
        f"`{NAME}:`; where yours has another name for it, give what is below that, as `yq .{below[0]} FILE` writes it"
    )
