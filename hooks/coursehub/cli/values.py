"""A site's values as plain data, of which any part may be missing or something else than it has to be."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from coursehub.config import defaults, document, settings, values_file
from coursehub.errors import CoursehubError

Values = Mapping[str, Any]


def of(sites: Sequence[Path]) -> Values:
    """The values of these files over the chart's, as helm reads them; CoursehubError where one is no values file."""
    merged: dict[str, Any] = deepcopy(dict(defaults.values()))
    for path in sites:
        try:
            found = yaml.safe_load(document.read_text(path)) or {}
        except yaml.YAMLError as error:
            raise CoursehubError(f"{path}: this is no YAML: {error}") from None
        if not isinstance(found, dict):
            raise CoursehubError(f"{path}: these are no values; write keys, as in values/example-university.yaml")
        settings.merge(merged, values_file.own(str(path), found))
    return merged


def at(values: Values, path: str) -> Values:
    """The map at `a.b.c`, or an empty one."""
    for part in path.split("."):
        values = values.get(part) or {}
        if not isinstance(values, Mapping):
            return {}
    return values


def listed(value: object) -> list[Any]:
    """The value where it is a list, or an empty one."""
    return value if isinstance(value, list) else []


def pull_secrets(values: Values, *parts: str) -> list[str]:
    """The Secrets for private registries, of all and of these parts of upstream's chart, by name."""
    found = listed(at(values, "jupyterhub").get("imagePullSecrets"))
    for part in parts:
        found = [*found, *listed(at(values, f"jupyterhub.{part}.image").get("pullSecrets"))]
    names = [secret.get("name") if isinstance(secret, Mapping) else secret for secret in found]
    return [str(name) for name in names if name]
