"""`coursehub completion`: commands, options and file names at the tab key."""

import click
from click.shell_completion import get_completion_class

from coursehub import terminal

from . import options
from .common import FINE

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=options.Verb,
    short_help="Print the script with which a shell completes commands.",
    example="coursehub completion bash > ~/.local/share/bash-completion/completions/coursehub",
)
@click.argument("shell", type=click.Choice(_SHELLS), help="The shell that is to read the script.")
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print the script with which a shell completes commands, options and names of files.

    A shell that reads it at its start completes from then on; for bash the example does, for zsh `coursehub completion
    zsh > _coursehub` in a folder of $fpath, for fish `coursehub completion fish >
    ~/.config/fish/completions/coursehub.fish`.
    """
    program = context.find_root()
    name = str(program.info_name)
    complete = get_completion_class(shell)
    if complete is None:
        raise AssertionError(shell)
    for line in complete(program.command, {}, name, f"_{name.upper()}_COMPLETE").source().splitlines():
        terminal.out(line)
    return FINE
