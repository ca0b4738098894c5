"""The values that the chart has where a site says nothing."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def values() -> Mapping[str, Any]:
    """All of them; `make docs` writes the file, which is chart/values.yaml."""
    found: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("defaults.yaml").read_text())
    return found
