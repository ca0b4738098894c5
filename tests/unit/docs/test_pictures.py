"""Each picture that a page shows is there, is said in words and is small; each that is there is shown."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
# ![what is to be seen](pictures/NAME.png)
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def shown() -> dict[Path, str]:
    return {
        (page.parent / file).resolve(): words
        for page in DOCS.glob("**/*.md")
        for words, file in SHOWN.findall(page.read_text())
    }


def test_each_picture_that_a_page_shows_is_there_and_each_that_is_there_is_shown() -> None:
    assert sorted(shown()) == sorted((DOCS / "pictures").iterdir())


def test_each_picture_is_said_in_words() -> None:
    assert [file.name for file, words in shown().items() if len(words.split()) < 5] == []


def test_each_picture_is_a_small_png() -> None:
    for file in shown():
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n"), file
        assert len(content) < 60_000, file
