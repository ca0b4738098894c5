"""The section of CHANGELOG.md that a version has: what its release says, and its chart.

python3 -m ci.changelog COMMIT    the table of the chart's values that are new, gone or other since that commit
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ci.images.image import ROOT

PAGE = "docs/reference/values.md"
_SHORT = 60
# Its heading, type and default; keys that have others below them have neither.
_KEY = re.compile(r"(?m)^## `(.+)`\n\n(?!\*object\*\n)\*.+?\*(?:, default `(.+)`)?$")
_ENTRY = re.compile(r"(?m)^- (.+(?:\n  .+)*)")
_BEGIN = re.compile(r"\*\*(.+?)\*\*")
_SENTENCE = re.compile(r"(.+?[.:;])(?: |$)")


def section(version: str, path: Path = ROOT / "CHANGELOG.md") -> str:
    """Its text without the heading; nothing where it has none."""
    found = re.search(rf"(?ms)^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", path.read_text())
    return found[1].strip() + "\n" if found else ""


def changes(text: str) -> list[str]:
    """In a few words what the entries say in bold at their begin; without such ones each one's first sentence."""
    entries = [" ".join(entry.split()) for entry in _ENTRY.findall(text)]
    told = [entry for entry in entries if entry.startswith("**")] or entries
    return [_short(entry).rstrip(".:;") for entry in told]


def values(before: str, now: str) -> Iterator[str]:
    """A row for each value that differs between two states of docs/reference/values.md."""
    old, new = dict(_KEY.findall(before)), dict(_KEY.findall(now))
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            yield f"| `{key}` | {_default(old, key)} | {_default(new, key)} |"


def _default(page: dict[str, str], key: str) -> str:
    if key not in page:
        return "–"
    said = page[key]
    return (f"`{said}`" if len(said) <= _SHORT else f"[a longer one]({PAGE})") if said else "none"


def _short(entry: str) -> str:
    found = _BEGIN.match(entry) or _SENTENCE.match(entry)
    return (found[1] if found else entry).replace("`", "").replace("**", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    show = ["git", "show", f"{parser.parse_args().commit}:{PAGE}"]
    before = subprocess.run(show, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    print("| value | before | now |", "|---|---|---|", *values(before, (ROOT / PAGE).read_text()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
