"""What the chart's values and names are, asked from inside the hub: the functions that zero-to-jupyterhub documents."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path("/usr/local/etc/jupyterhub")
_REQUIRED = object()


@cache
def _values() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path in (ROOT / secret / "values.yaml" for secret in ("secret", "existing-secret")):
        if path.exists():
            values = _over(values, yaml.safe_load(path.read_text()))
    return values


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, maps merged, and `above` where both have something else."""
    both = [key for key in below.keys() & above.keys() if isinstance(below[key], dict) and isinstance(above[key], dict)]
    return below | above | {key: _over(below[key], above[key]) for key in both}


def get_config(key: str, default: Any = None) -> Any:
    """The chart's value at a dotted key."""
    value: Any = _values()
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return default
        value = value[part]
    return value


def set_config_if_not_none(section: Any, trait: str, key: str) -> None:
    """Sets the trait to the chart's value at a dotted key, where there is one."""
    value = get_config(key)
    if value is not None:
        setattr(section, trait, value)


@cache
def get_name(name: str) -> str:
    """The full name of one of the chart's objects."""
    return (ROOT / "config" / name).read_text()


def get_name_env(name: str, suffix: str = "") -> str:
    """The environment variable that Kubernetes sets for the Service of that short name."""
    return os.environ[(get_name(name) + suffix).upper().replace("-", "_")]


@cache
def get_secret_value(key: str, default: Any = _REQUIRED) -> Any:
    """The value of a key of the site's own Secret, else of the hub's."""
    for path in (ROOT / secret / key for secret in ("existing-secret", "secret")):
        if path.exists():
            return path.read_text()
    if default is _REQUIRED:
        raise KeyError(f"the hub's Secret has no {key}")
    return default
