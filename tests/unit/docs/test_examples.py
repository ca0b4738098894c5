"""What the pages for teachers show: each example holds, and each mistake in their table is what the command says."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from coursehub.config import catalog, document, settings
from coursehub.config.settings import Settings

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs/examples"
TABLE = (ROOT / "docs/teachers.md").read_text().partition("## What each error means")[2]
# | [`message`](examples/errors/NAME.yaml) | what happened | what to do |
ROWS = dict(re.findall(r"(?m)^\| \[`+ ?(.+?) ?`+\]\(examples/errors/(.+?)\.yaml\) \| .+ \| .+ \|$", TABLE))
# Modules whose messages a teacher can meet, and what in them only an admin can.
MODULES = (
    "config/course",
    "config/catalog",
    "config/document",
    "config/classes",
    "config/days",
    "config/durations",
    "config/images",
    "names",
    "config/resources",
    "config/messages",
)
FOR_ADMINS = ("is no image; write it as registry", "can be another image tomorrow", "is no group's name")
# Shown by tests of their own, with files too large to keep.
TOO_MUCH = ("more than", "larger than", "and more mistakes")


@cache
def site() -> Settings:
    file = ROOT / "values/example-university.yaml"
    return settings.load([(file.name, file.read_text())])


@cache
def said(name: str) -> str:
    """What the command says of the snippet `name`, beside another file without mistakes."""
    snippet = EXAMPLES / "errors" / f"{name}.yaml"
    files = [(each.name, document.read_text(each)) for each in (EXAMPLES / "smallest.yaml", snippet)]
    here = site().model_copy(update={"course_gids": None}) if name == "gid-no-range" else site()
    (problem,) = catalog.load(files, here).problems
    assert problem.file == snippet.name
    return problem.message


def pattern(message: str) -> re.Pattern[str]:
    return re.compile(re.escape(message).replace("…", ".+"))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_holds_at_the_example_university(file: Path) -> None:
    loaded = catalog.load([(file.name, file.read_text())], site())
    assert not loaded.problems
    assert loaded.catalog.courses


@pytest.mark.parametrize(("message", "name"), ROWS.items(), ids=ROWS.values())
def test_a_row_of_the_table_is_what_the_command_says_of_its_snippet(message: str, name: str) -> None:
    assert pattern(message).fullmatch(said(name))


def test_every_snippet_is_in_the_table() -> None:
    assert sorted(ROWS.values()) == sorted(path.stem for path in (EXAMPLES / "errors").iterdir())
    assert TABLE.count("](examples/errors/") == len(ROWS)


def _messages() -> Iterator[str]:
    """The messages in the code, with … for what is filled in: all are `what; what to do` or `write …`."""
    for module in MODULES:
        tree = ast.parse((ROOT / f"hooks/coursehub/{module}.py").read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            prose |= {id(word.value) for word in call.keywords}
            if ast.unparse(call.func) == "written_as":  # these are an editor's
                prose |= {id(word) for word in call.args}
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            match node:
                case ast.JoinedStr():
                    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                case ast.Constant(value=str() as text) if id(node) not in prose | parts:
                    text = re.sub(r"\{\w+\}", "…", text)
                case _:
                    continue
            if "; " in text or text.startswith("write "):
                yield text


@pytest.mark.parametrize("message", [each for each in _messages() if not any(admins in each for admins in FOR_ADMINS)])
def test_every_message_in_the_code_has_a_row(message: str) -> None:
    if message.startswith(TOO_MUCH):
        assert f"`{message}`" in TABLE
        return
    found = re.compile(".*" + pattern(message).pattern + ".*")
    assert any(found.fullmatch(said(name)) for name in ROWS.values())
