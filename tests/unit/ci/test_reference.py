"""The generated pages: complete, up to date, and every link in docs/ leads somewhere."""

import re
from pathlib import Path

import pytest
from coursehub.config.course import Course

from ci import reference

DOCS = reference.ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def test_what_is_committed_is_what_would_be_generated() -> None:
    assert [path.name for path, text in reference.pages().items() if path.read_text() != text] == []


def test_the_page_of_the_course_file_has_a_row_for_each_key() -> None:
    page = reference.course_file()
    assert [key for key in Course.model_fields if key != "slug" and f"\n| `{key}` |" not in page] == []
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in rows if not line.startswith("|---")} == {4}


def test_the_page_of_the_values_has_type_default_and_meaning() -> None:
    page = reference.values()
    assert "\n## `minimumUid`\n\n*integer, at least 1*, default `1000`\n\nPeople with a uid below it" in page
    assert "\n## `nodes.NAME.devices`\n" in page


def test_an_example_on_a_page_is_replaced_by_its_file() -> None:
    old = "<!-- example: smallest -->\n```yaml\ncourses: {}\n```\n\nText.\n"
    new = reference.with_examples(old)
    assert "statistics-lab" in new
    assert "yaml-language-server" not in new
    assert new.endswith("```\n\nText.\n")
    assert reference.with_examples("<!-- example: smallest -->\n\nText.\n") == new


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
