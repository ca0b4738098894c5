"""`coursehub schema`: the JSON Schema of a course file."""

import click

from coursehub import terminal
from coursehub.config import schema

from . import options
from .common import FINE


@click.command(
    "schema",
    cls=options.Verb,
    short_help="Print the JSON Schema of a course file.",
    example="coursehub schema > courses.schema.json",
)
def command() -> int:
    """Print the JSON Schema with which an editor completes and checks a course file."""
    terminal.data(schema.course_file())
    return FINE
