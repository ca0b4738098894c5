"""Whatever says where to read on leads to a page and a heading that there are: links, runbooks, hints and comments."""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# The one is made of chart/values.schema.yaml, the other shows what leads nowhere.
NOT_READ = ("chart/values.schema.json", str(Path(__file__).relative_to(ROOT)))
LINK = re.compile(r"\]\(([^()\s]+)\)")
# `docs/PAGE.md`, `docs/PAGE.md#anchor`, `docs/PAGE.md, Heading`, `docs/PAGE.md (Heading)`; docs/source is upstream's.
POINTER = re.compile(r"(?<![\w/.-])(docs/(?!source/)[\w/-]+\.md)(?:#([\w-]+)|(?:, | \()\"?(?=[A-Z])([^\n]*))?")
# A sentence that goes on: its line's end, with what a comment or a string has there.
WRAPPED = re.compile(r"[ \t]*(?:\"|')?\n[ \t]*(?:#+ |f?\"|f?')?[ \t]*")


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


@cache
def headings(page: Path) -> tuple[str, ...]:
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", page.read_text())
    return tuple(re.findall(r"(?m)^#+ (.+)$", text))


def anchors(page: Path) -> set[str]:
    return {anchor(each) for each in headings(page)}


@cache
def texts() -> dict[Path, str]:
    """Every text of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    found: dict[Path, str] = {}
    for name in os.fsdecode(listed.stdout).split("\0"):
        path = ROOT / name
        if name and name not in NOT_READ and path.is_file():
            try:
                found[path] = path.read_text()
            except UnicodeDecodeError:
                continue
    return found


def wrong_links(file: Path, text: str) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for target in LINK.findall(re.sub(r"(?ms)^ *```.*?^ *```|`[^`\n]+`", "", text)):
        path, _, part = target.partition("#")
        if ":" in target:
            continue
        page = (file.parent / path).resolve() if path else file
        if not page.exists():
            yield f"{target}: no such file"
        elif part and part not in anchors(page):
            yield f"{target}: no such heading"


def wrong_pointers(text: str) -> Iterator[str]:
    """What names a page, or a heading of it, that there is not."""
    for name, part, words in POINTER.findall(WRAPPED.sub(" ", text)):
        page = ROOT / name
        if not page.is_file():
            yield f"{name}: no such page"
        elif part and part not in anchors(page):
            yield f"{name}#{part}: no such heading"
        elif words and not any(re.match(rf"{re.escape(each)}(?!\w)", words) for each in headings(page)):
            yield f"{name}, {words[:40]}: no such heading"


@pytest.mark.parametrize(
    "file",
    sorted(path for path in texts() if path.suffix == ".md"),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(file: Path) -> None:
    assert list(wrong_links(file, texts()[file])) == []


def test_every_page_and_heading_that_is_named_anywhere_is_there() -> None:
    wrong = {str(path.relative_to(ROOT)): found for path, text in texts().items() if (found := [*wrong_pointers(text)])}
    assert wrong == {}


@pytest.mark.parametrize(
    "text",
    [
        "docs/no-such-page.md",
        "docs/network.md#no-such-heading",
        "the values (docs/network.md, No such heading)",
        'docs/network.md, "No such heading", says',
        "docs/network.md\n# (No such heading)",
        '"write it (docs/network.md, "\n    "Domain Name System)"',
    ],
)
def test_a_pointer_that_leads_nowhere_is_found(text: str) -> None:
    assert len(list(wrong_pointers(text))) == 1


@pytest.mark.parametrize("target", ["no-such-page.md", "network.md#no-such-heading", "#no-such-heading"])
def test_a_link_that_leads_nowhere_is_found(target: str) -> None:
    assert len(list(wrong_links(ROOT / "docs/gitops.md", f"[here]({target})"))) == 1


def test_every_page_is_on_the_map_of_the_admins_page() -> None:
    page = ROOT / "docs/admins.md"
    linked = {(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(texts()[page])}
    assert {*page.parent.glob("*.md"), *page.parent.glob("admins/*.md")} - {page} <= linked


def test_pointers_are_found_in_hints_runbooks_and_comments() -> None:
    for file, name in {
        "hooks/coursehub/cli/status.py": "docs/admins/nodes.md",
        "chart/files/alerts.yaml": "docs/admins/monitoring.md",
        "chart/templates/_checks.tpl": "docs/admins/storage.md",
        "values/example-university.yaml": "docs/admins/images.md",
    }.items():
        assert name in {found for found, _, _ in POINTER.findall(texts()[ROOT / file])}, file
