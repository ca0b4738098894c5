"""Tokens in files, which others may replace at any time."""

from collections.abc import Sequence
from pathlib import Path


def read(files: Sequence[Path]) -> str:
    """The token in the first of `files` that is there; OSError where none is."""
    file = next((file for file in files if file.exists()), files[-1])
    return file.read_text().strip()


def stands_for_another(value: str) -> bool:
    """Whether it is no secret, since everybody knows it: zeros alone, or nothing, with whatever blanks around it.

    Values that are rendered without the cluster have zeros in the place of what a Secret holds (docs/gitops.md).
    """
    return not value.strip().strip("0")
