"""`coursehub schema`: the JSON Schema of a course file."""

import json

import click

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
    print(json.dumps(schema.course_file(), indent=2))
    return FINE
