"""What the commands are made of: how one is written, and the options that several have."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from coursehub.errors import InvalidFile
from coursehub.names import is_slug

from . import common

File = click.Path(path_type=Path)


class Verb(click.Command):
    """A command that returns its exit code, with an example at the end of its help; a file's mistakes are reported."""

    def __init__(self, *arguments: Any, example: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example in one line, to be copied."""
        formatter.write_paragraph()
        formatter.write(f"Example: {self._example}\n")

    def invoke(self, ctx: click.Context) -> int:
        """The exit code."""
        try:
            code: int = super().invoke(ctx)
        except InvalidFile as invalid:
            return common.report(invalid.problems, as_json=ctx.params.get("as_json", False))
        return code


class Verbs(click.Group):
    """Commands about one thing."""

    command_class = Verb


def slug(text: str) -> str:
    """The type of an option that names a course."""
    if not is_slug(text):
        raise click.BadParameter(f"{text!r} is no course's slug; write a-z, 0-9 and single '-' inside, as python-intro")
    return text


def whole(least: int, most: int) -> Callable[[str | int], int]:
    """The type of an option that takes a whole number of a range."""

    def number(text: str | int) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise click.BadParameter(f"{text!r} is no whole number from {least} to {most}")
        return found

    return number


def day(text: str) -> date:
    """The type of an option that names a day; years of four digits that no clock's zone leaves."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year < 3000:
        raise click.BadParameter(f"{text!r} is no day from 2000 to 2999; write one as 2027-01-11")
    return found


def _site(*, required: bool) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(
        "--site",
        "sites",
        type=File,
        multiple=True,
        required=required,
        metavar="FILE",
        help="The site's values file, also that of a chart around this one; given more than once, later ones go over "
        "earlier ones, as in helm.",
    )


def _courses(*, required: bool) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.argument(
        "courses",
        type=File,
        nargs=-1,
        required=required,
        metavar="COURSES..." if required else "[COURSES...]",
        help="Course files, or folders of them.",
    )


site = _site(required=True)
site_if_any = _site(required=False)
courses = _courses(required=True)
courses_if_any = _courses(required=False)
one_course = click.argument("slug", metavar="SLUG", help="The course.")
user = click.argument("user", metavar="USER", help="The login name.")
root = click.option("--root", type=File, required=True, metavar="FOLDER", help="Where the volume is mounted.")
dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
namespace = click.option(
    "--namespace",
    default="coursehub",
    show_default=True,
    metavar="NAME",
    help="Where the hub runs, in the cluster of kubectl's context.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
