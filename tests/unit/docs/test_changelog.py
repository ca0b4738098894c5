"""CHANGELOG.md says what the next release has, with the chart's values as they are."""

import re
from pathlib import Path

from ci import changelog
from ci.images.image import release

ROOT = Path(__file__).parents[3]
SECTION = changelog.section(release())
ROW = re.compile(r"(?m)^\\| `(.+)` \\| (.+) \\| (.+) \\|$")


def test_the_next_release_has_a_section_with_what_is_new_and_its_values() -> None:
    assert len(changelog.changes(SECTION)) > 1
    assert "\n### Values\n" in SECTION


def test_each_value_of_the_section_is_as_it_says() -> None:
    said = {key: now for key, _, now in ROW.findall(SECTION)}
    rows = changelog.values("", (ROOT / changelog.PAGE).read_text())
    really = {key: now for row in rows for key, _, now in ROW.findall(row)}
    assert said
    assert {key: now for key, now in said.items() if now != really.get(key, "–")} == {}


def test_a_value_that_is_new_gone_or_has_another_default_has_a_row() -> None:
    same = "## `same`\n\n*boolean*, default `true`\n"
    before = f"## `a`\n\n*string*, default `x`\n\n## `gone`\n\n*string*\n\n{same}"
    now = f"## `a`\n\n*string*, default `y`\n\n## `b`\n\n*object*\n\n## `b.new`\n\n*integer*\n\n{same}"
    assert [*changelog.values(before, now)] == [
        "| `a` | `x` | `y` |",
        "| `b.new` | – | none |",
        "| `gone` | none | – |",
    ]


def test_the_page_of_the_command_names_the_next_release() -> None:
    page = (ROOT / "docs/admins/command.md").read_text()
    assert set(re.findall(r"(?:/v|coursehub-)(\d+\.\d+\.\d+)", page)) == {release()}
