"""Each `coursehub …` that docs, chart and programs name is one that the command takes."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
from click.exceptions import NoArgsIsHelpError
from coursehub.cli.main import VERBS

from tests.unit.cli.command import wrong_usage

ROOT = Path(__file__).parents[3]
PLACES = ("docs/**/*.md", "README.md", "chart/**/*.yaml", "chart/**/*.tpl", "ci/**/*.sh", "values/*.yaml")
# To the end of the line or of what backticks hold; `kubectl --namespace coursehub logs` is none.
NAMED = re.compile(
    rf"`coursehub ([a-z][^`\n]*)|(?<!namespace )(?<![\w-])coursehub[\"']? ((?:{'|'.join(VERBS)})\b[^`\n]*)"
)
# What comes behind the words is the shell's: a comment, a file, another program; or the end of a quoted command.
BEHIND = re.compile(r'\s+(?:#|>|\||&&).*|\\\|.*|(?<=\d)" ssh-.*')
# In the words of docs/admins/storage.md.
FILES = "--root /export --site values/SITE.yaml values/courses.yaml"
PARTIAL = (click.MissingParameter, NoArgsIsHelpError)


def servers() -> tuple[str, ...]:
    """The verbs of the command that a course's people have in their servers; the image's tests run them."""
    program = ast.parse((ROOT / "images/singleuser/coursehub_command.py").read_text())
    tables = [
        node.value for node in program.body if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
    ]
    return tuple(verb for table in tables for verb in ast.literal_eval(table))


def commands() -> set[str]:
    """What follows `coursehub`, wherever it is named."""
    texts = [path.read_text().replace("\\\n", "") for pattern in PLACES for path in ROOT.glob(pattern)]
    found = (
        BEHIND.sub("", command).strip()
        for text in texts
        for named in NAMED.findall(text)
        for command in named
        if command
    )
    of_servers = tuple(f"{verb} " for verb in servers())
    return {
        command.replace("$(sed 's/^/--user=/' class.txt)", "--user=maria")
        for command in found
        if not f"{command} ".startswith(of_servers)
    }


@pytest.mark.parametrize("command", sorted(commands()))
def test_a_command_that_is_named_is_one_that_there_is(command: str) -> None:
    error = wrong_usage(*shlex.split(command.replace("FILES", FILES)))
    # A sentence names a command without all that it has to be told; a line to be copied has its files.
    if "FILES" not in command and ".yaml" not in command and isinstance(error, PARTIAL):
        error = None
    assert error is None, error.format_message() if error else ""


def test_the_lines_to_be_copied_are_among_them() -> None:
    assert {
        "check --site values/SITE.yaml values/courses.yaml",
        "course check --all --repair FILES",
        "storage serve --root /export --token /etc/coursehub/token   --minimum-uid 20000 --gids 70100-79999   "
        "--certificate /etc/coursehub/tls.crt --key /etc/coursehub/tls.key --port 8443",
        "storage door --root /export --verb home --verb course --minimum-uid 20000 --gids 70100-79999",
        "storage rename emma emma --uid 20103 --root /export",
        "storage regroup python-intro --gid 70105 --root /export",
        "secrets apply /etc/coursehub/secrets --site /etc/coursehub/SITE.yaml --restart-proxy",
        "storage ensure --user=maria FILES",
    } <= commands()


# Of kinds without a namespace, or not about objects of one release.
ELSEWHERE = re.compile(
    r"kubectl (?:(?:get|describe|label|create|patch|delete|taint|cordon|drain|uncordon) (?:--\S+ )*"
    r"(?:nodes?|namespaces?|persistentvolumes?|storageclasses)\b"
    r"|(?:taint|cordon|uncordon|drain) |get --raw |auth can-i )"
)
KUBECTL = re.compile(
    r"kubectl (?:get|describe|logs|exec|create|delete|patch|edit|scale|rollout|set|wait|label|taint) [^`\n]+"
)


@pytest.mark.parametrize(
    "file",
    [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("**/*.md")),
        *sorted({*(ROOT / "hooks/coursehub/cli").glob("**/*.py")} - {ROOT / "hooks/coursehub/cli/kubectl.py"}),
    ],
    ids=lambda file: file.stem,
)
def test_a_kubectl_line_to_be_copied_says_its_namespace(file: Path) -> None:
    named = KUBECTL.findall(file.read_text().replace("\\\n", ""))
    lacking = [each for each in named if not ELSEWHERE.match(each) and "namespace" not in each]
    assert lacking == []
