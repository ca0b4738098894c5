"""The page `man coursehub`: what each command's --help says, written for man. `ci.wheel` puts it into the wheel."""

from collections.abc import Iterable, Iterator

import click
from coursehub.cli.main import program

NAME = "coursehub"
_SPECIAL = {"\\": "\\e", "-": "\\-", "~": "\\(ti", "^": "\\(ha", "'": "\\(aq", "`": "\\(ga"}
_EXIT = (("0", "All is well."), ("1", "Something is wrong, and is said."), ("2", "The command line is wrong."))


class _Formatter(click.HelpFormatter):
    """What click writes as help, in man's macros in place of columns."""

    def write(self, string: str) -> None:
        """Text of a command's own."""
        if string.strip():
            self._lines(".PP", _no_macro(_escaped(string.strip())))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self._lines(f"\\fB{_escaped(prog)}\\fR {_escaped(args)}".rstrip())

    def write_heading(self, heading: str) -> None:
        self._lines(".PP", f"{_escaped(heading)}:")

    def write_paragraph(self) -> None:
        """Each of them begins with a macro already."""

    def write_text(self, text: str) -> None:
        for paragraph in text.split("\n\n"):
            self._lines(".PP", _prose(paragraph))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        for term, meaning in rows:
            self._lines(".TP", f"\\fB{_escaped(term)}\\fR", _prose(meaning))

    def _lines(self, *lines: str) -> None:
        self.buffer += [f"{line}\n" for line in lines]


def page(version: str) -> str:
    """All of it."""
    root = click.Context(program, info_name=NAME)
    parts = [
        f'.TH {NAME.upper()} 1 "" "{NAME} {version}" "{NAME}"\n',
        f".SH NAME\n{NAME} \\- {_prose(str(program.help)).rstrip('.')}\n",
        f".SH SYNOPSIS\n.B {NAME}\n{_escaped('COMMAND [OPTIONS] [ARGUMENTS]')}\n",
        ".SH DESCRIPTION\nWhat admins and teachers run on their own machine, and root on the storage host.\n",
        ".SH COMMANDS\n",
        *(f".SS {_escaped(context.command_path)}\n{_help(context)}" for context in _leaves(root)),
        ".SH EXIT STATUS\n",
        *(f".TP\n{code}\n{meaning}\n" for code, meaning in _EXIT),
    ]
    return "".join(parts)


def _leaves(context: click.Context) -> Iterator[click.Context]:
    """A context for each command that has none below it, in the order of the help."""
    command = context.command
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is None:
            raise AssertionError(name)
        yield from _leaves(click.Context(below, parent=context, info_name=name))


def _help(context: click.Context) -> str:
    context.formatter_class = _Formatter
    return context.command.get_help(context) + "\n"


def _prose(text: str) -> str:
    """One line, with what stands between backticks in bold."""
    parts = [_escaped(part) for part in " ".join(text.split()).split("`")]
    return _no_macro("".join(f"\\fB{part}\\fR" if at % 2 else part for at, part in enumerate(parts)))


def _no_macro(line: str) -> str:
    return f"\\&{line}" if line.startswith(".") else line


def _escaped(text: str) -> str:
    """Letters that are for man none of its own."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
