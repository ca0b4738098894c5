"""The `coursehub` command: what admins and course staff run on their own machine or the storage host."""

import io
import os
from collections.abc import Sequence
from importlib import import_module

import click
from click.exceptions import NoSuchCommand

from coursehub import terminal
from coursehub.errors import CoursehubError
from coursehub.version import VERSION

from .common import PROBLEMS, reason, warn

# Each is a module here, in the order in which the help lists them.
VERBS = (
    "check",
    "explain",
    "schema",
    "images",
    "classes",
    "course",
    "user",
    "storage",
    "feedback",
    "secrets",
    "preflight",
    "status",
    "logs",
    "shell",
    "restart",
    "resources",
    "announce",
    "quota",
    "completion",
)
# Names of before, which go on.
_ALIASES = {"usage": "resources"}


class _Program(click.Group):
    """Imports a verb's module when that verb is asked for, so that none waits for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = _ALIASES.get(cmd_name, cmd_name)
        if verb in VERBS:
            command: click.Command = import_module(f"coursehub.cli.{verb}").command
            return command
        if not ctx.resilient_parsing:
            raise NoSuchCommand(cmd_name, possibilities=VERBS, ctx=ctx)
        return None


@click.group(cls=_Program, context_settings={"max_content_width": 100})
@click.version_option(VERSION, message="%(prog)s %(version)s")
def program() -> None:
    """Courses on JupyterHub, from one file."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 fine, 1 problems found, 2 wrong usage."""
    try:
        code: int = program.main(arguments, prog_name="coursehub", standalone_mode=False)
    except click.ClickException as error:
        # It repeats words of the command line, and a shell puts names of files there.
        error.show(said := io.StringIO())
        for line in said.getvalue().removesuffix("\n").split("\n"):
            terminal.err(line.expandtabs(2))
        return error.exit_code
    except click.Abort:
        return PROBLEMS
    except CoursehubError as error:
        warn(error)
        return PROBLEMS
    except OSError as error:
        warn(reason(error))
        return PROBLEMS
    except (LookupError, ValueError):
        # A line of a shell's that click cannot read has nothing to complete; words there would stand in the prompt.
        if "_COURSEHUB_COMPLETE" in os.environ:
            return PROBLEMS
        raise
    return code
