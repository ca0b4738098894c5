"""The section of CHANGELOG.md that a version has: what its release says, and its chart."""

import re
from pathlib import Path

from ci.images.image import ROOT

_ENTRY = re.compile(r"(?m)^- (.+(?:\n  .+)*)")
_BEGIN = re.compile(r"\*\*(.+?)\*\*")
_SENTENCE = re.compile(r"(.+?[.:;])(?: |$)")


def section(version: str, path: Path = ROOT / "CHANGELOG.md") -> str:
    """Its text without the heading; nothing where it has none."""
    found = re.search(rf"(?ms)^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", path.read_text())
    return found[1].strip() + "\n" if found else ""


def changes(text: str) -> list[str]:
    """Each entry in a few words: what is bold at its begin, else its first sentence."""
    entries = (" ".join(entry.split()) for entry in _ENTRY.findall(text))
    return [_short(entry).rstrip(".:;") for entry in entries]


def _short(entry: str) -> str:
    found = _BEGIN.match(entry) or _SENTENCE.match(entry)
    return (found[1] if found else entry).replace("`", "").replace("**", "")
