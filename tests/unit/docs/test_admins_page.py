"""What docs/admins.md tells an admin who was woken: the sentences that people read, and commands that there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.command import wrong_usage

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/admins.md").read_text()
HELP = PAGE[PAGE.index("## What to do when") : PAGE.index("## Why can somebody not start")]
SENTENCES = re.findall(r"(?m)^\| `([^`]+)` \|", HELP[: HELP.index("### Something looks wrong")])
COMMANDS = sorted(set(re.findall(r"`(coursehub (?:\w[\w-]* )+[^`|]*)`", HELP)))
# Of what is said while somebody starts a server; what course staff can mend themselves is on their page.
MODULES = ("hub/hooks", "people/lookup", "servers/plan", "hub/volume/provisioner", "hub/volume/share")
# They are the person's own to mend, or a teacher's; the last are what `coursehub status` and `quota report` say.
FOR_OTHERS = (
    "…",
    "There is no choice …. Choose one on the start page.",
    "no answer from … within … s",
    "no answer from …: …",
    "… answers with HTTP …",
    "It could not count: …",
    "the provisioner's service gave no answer to use: …",
)


def said() -> Iterator[str]:
    """What these modules refuse with, … in the place of what differs."""
    for module in MODULES:
        tree = ast.parse((ROOT / f"hooks/coursehub/{module}.py").read_text())
        constants = {
            node.targets[0].id: _text(node.value, {})
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="Refused" | "Forbidden"), args=[first, *_]):
                    yield _text(first, constants)


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, constants)
        case ast.Name(id=name):
            return constants.get(name, "…")
    return "…"


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_the_table_is_one_that_people_read(sentence: str) -> None:
    assert any(text.startswith(sentence.removesuffix("…").rstrip()) for text in said())


@pytest.mark.parametrize("text", sorted(set(said()) - {*FOR_OTHERS}))
def test_each_sentence_that_people_read_is_in_the_table(text: str) -> None:
    assert any(text.startswith(sentence.removesuffix("…").rstrip()) for sentence in SENTENCES)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_tables_is_one_that_there_is(command: str) -> None:
    words = command.replace("FILES", "--root /export --site SITE.yaml courses.yaml").split()[1:]
    assert wrong_usage(*words) is None


def test_every_link_of_the_tables_leads_to_a_heading() -> None:
    anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in re.findall(r"(?m)^#+ (.+)$", PAGE)}
    assert set(re.findall(r"\(#([\w-]+)\)", HELP)) <= anchors
