"""What docs/admins/troubleshooting.md tells an admin who was woken: sentences that people read, and real commands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.command import wrong_usage

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/admins/troubleshooting.md").read_text()
HELP = PAGE[: PAGE.index("\n## Why can somebody not start")]
SENTENCES = re.findall(r"(?m)^- `([^`]+)`: ", HELP[: HELP.index("\n## Something looks wrong")])
COMMANDS = sorted(set(re.findall(r"`(coursehub (?:\w[\w-]* )+[^`|]*)`", HELP)))
# Of what is said while somebody starts a server; what course staff can mend themselves is on their page.
MODULES = ("hub/hooks", "people/lookup", "servers/plan", "hub/volume/provisioner", "storage/share")
# Of Kubernetes: it has its sentences as constants.
REFUSALS = "hub/failures/refusal"
# They are the person's own to mend, or a teacher's; the last are what `coursehub quota report` says.
FOR_OTHERS = (
    "…",
    "There is no choice …. Choose one on the start page.",
    "It could not count: …",
    "the provisioner's service gave no answer to use: …",
)


def said() -> Iterator[str]:
    """What these modules refuse with, … in the place of what differs."""
    for module in (*MODULES, REFUSALS):
        tree = ast.parse((ROOT / f"hooks/coursehub/{module}.py").read_text())
        constants = {
            node.targets[0].id: _text(node.value, {})
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        if module == REFUSALS:
            yield from (text for text in constants.values() if text.endswith("."))
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
def test_a_sentence_of_the_page_is_one_that_people_read(sentence: str) -> None:
    assert any(text.startswith(sentence.removesuffix("…").rstrip()) for text in said())


@pytest.mark.parametrize("text", sorted(set(said()) - {*FOR_OTHERS}))
def test_each_sentence_that_people_read_is_on_the_page(text: str) -> None:
    assert any(text.startswith(sentence.removesuffix("…").rstrip()) for sentence in SENTENCES)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_is_one_that_there_is(command: str) -> None:
    words = command.replace("FILES", "--root /export --site SITE.yaml courses.yaml").split()[1:]
    assert wrong_usage(*words) is None
